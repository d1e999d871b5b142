// Clients of OpenAI's Chat Completions: the official SDK, and the AI SDK's provider for compatible servers.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import OpenAI from "openai";
import { assert, assertRead, assertStopped, get, NOTE_URL, randomUUID, script, until, withPdf } from "./asking.mjs";

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
    const result = streamText({ model: provider(service), prompt: "안녕?" });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, service.text);
    assert.equal(await result.finishReason, "stop");
  },

  async "@ai-sdk/openai-compatible asks with a file"(service) {
    const user = randomUUID();
    const result = streamText({ model: provider(service), messages: withPdf(service), providerOptions: { qa: { user } } });
    assert.equal(await result.text, service.text);
    await assertRead(service, user);
  },

  async "@ai-sdk/openai-compatible stops, and shows an error"(service) {
    const hangUp = new AbortController();
    const user = randomUUID();
    const stopped = streamText({ model: provider(service), prompt: script("slow"), abortSignal: hangUp.signal, providerOptions: { qa: { user } } });
    for await (const part of stopped.fullStream) {
      if (part.type === "text-delta") hangUp.abort();
      if (part.type === "abort") break;
    }
    const { turns } = await get(service, `sessions/${user}`);
    await assertStopped(service, turns[0].answerId);
    const errors = [];
    const failed = streamText({ model: provider(service), prompt: script("401"), maxRetries: 0, onError: ({ error }) => errors.push(error) });
    for await (const part of failed.fullStream) void part;
    await until(() => errors.length, "the error");
    assert.doesNotMatch(errors[0].message ?? JSON.stringify(errors[0]), /secret/);
  },
};
