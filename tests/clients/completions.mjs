// Clients of OpenAI's Chat Completions: the official SDK, and the AI SDK's provider for compatible servers.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import OpenAI from "openai";
import { assert, assertStopped, NOTE_URL, randomUUID, script } from "./asking.mjs";
import { assertReadsFile, assertStopsAndShowsError, assertStreams } from "./providers.mjs";

const sdk = ({ cable, key }) => new OpenAI({ baseURL: `${cable.api}/v1`, apiKey: key, maxRetries: 0, defaultHeaders: { "Accept-Language": "ko" } });
const provider = ({ cable, key, model }) =>
  createOpenAICompatible({ name: "qa", baseURL: `${cable.api}/v1`, apiKey: key, headers: { "Accept-Language": "ko" }, includeUsage: true })(model);

const asked = (text, file = false) => [
  {
    role: "user",
    content: [...(file ? [{ type: "file", file: { filename: "보증.txt", file_data: NOTE_URL } }] : []), { type: "text", text }],
  },
];

export default {
  async "openai-node asks with a file and streams"(service) {
    const stream = await sdk(service).chat.completions.create({
      model: service.model,
      messages: asked("보증 기간은 얼마나 되나요?", true),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "", usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, service.text);
    assert.equal(usage.prompt_tokens, service.tokens);
  },

  async "openai-node asks for a whole answer, and lists models"(service) {
    const answer = await sdk(service).chat.completions.create({ model: service.model, messages: asked("안녕?") });
    assert.equal(answer.choices[0].message.content, service.text);
    const models = await sdk(service).models.list();
    assert.ok(models.data.some(({ id }) => id === service.model));
  },

  async "openai-node stops"(service) {
    const { data: stream, response } = await sdk(service)
      .chat.completions.create({ model: service.model, messages: asked(script("slow")), stream: true, user: randomUUID() })
      .withResponse();
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    stream.controller.abort();
    await assertStopped(service, response.headers.get("x-answer-id"));
  },

  async "openai-node shows an error and a refusal"(service) {
    const stream = await sdk(service).chat.completions.create({ model: service.model, messages: asked(script("401")), stream: true });
    await assert.rejects(async () => {
      for await (const chunk of stream) void chunk;
    }, (error) => error instanceof OpenAI.APIError && !/secret/.test(error.message));
    const refused = sdk(service).chat.completions.create({ model: "nobody-offers-this", messages: asked("안녕?") });
    await assert.rejects(refused, (error) => error instanceof OpenAI.APIError && error.status >= 400 && error.status < 500);
  },

  async "@ai-sdk/openai-compatible streams"(service) {
    await assertStreams(service, provider(service));
  },

  async "@ai-sdk/openai-compatible asks with a file"(service) {
    await assertReadsFile(service, provider(service), (user) => ({ qa: { user } }));
  },

  async "@ai-sdk/openai-compatible stops, and shows an error"(service) {
    await assertStopsAndShowsError(service, provider(service), (user) => ({ qa: { user } }));
  },
};
