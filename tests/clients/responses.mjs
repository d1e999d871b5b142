// Clients of OpenAI's Responses: the official SDK, and the AI SDK's provider for OpenAI, which asks them by default.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import OpenAI from "openai";
import { assert, get, NOTE_URL, script, until } from "./asking.mjs";
import { assertReadsFile, assertStopsAndShowsError, assertStreams } from "./providers.mjs";

const sdk = ({ cable, key }) => new OpenAI({ baseURL: `${cable.api}/v1`, apiKey: key, maxRetries: 0 });
const provider = ({ cable, key, model }) => createOpenAI({ baseURL: `${cable.api}/v1`, apiKey: key })(model);

const asked = (text, file = false) => [
  {
    role: "user",
    content: [...(file ? [{ type: "input_file", filename: "보증.txt", file_data: NOTE_URL }] : []), { type: "input_text", text }],
  },
];

async function read(stream, got, seen = () => {}) {
  for await (const event of stream) {
    got.last = event.sequence_number;
    got.end = event.type;
    if (event.type === "response.created") got.id = event.response.id;
    if (event.type === "response.output_text.delta") got.text += event.delta;
    seen(got);
  }
  return got;
}

export default {
  async "openai-node asks with a file and streams"(service) {
    const stream = sdk(service).responses.stream({ model: service.model, input: asked("보증 기간은 얼마나 되나요?", true) });
    const { output_text, usage } = await stream.finalResponse();
    assert.equal(output_text, service.text);
    assert.equal(usage.input_tokens, service.tokens);
  },

  async "openai-node comes back after a cut"(service) {
    const client = sdk(service);
    const got = { text: "" };
    const stream = await client.responses.create({ model: service.model, input: asked(script("paced")), stream: true });
    await assert.rejects(read(stream, got, ({ text }) => text.length > 5 && service.cable.cut()));
    const rest = await client.responses.retrieve(got.id, { stream: true, starting_after: got.last });
    assert.equal((await read(rest, got)).text, service.paced);
    assert.equal(got.end, "response.completed");
  },

  async "openai-node stops"(service) {
    const client = sdk(service);
    const got = { text: "" };
    const stream = await client.responses.create({ model: service.model, input: asked(script("slow")), stream: true, background: true });
    const reading = read(stream, got);
    await until(() => got.text, "the first words");
    assert.equal((await client.responses.cancel(got.id)).status, "cancelled");
    await reading.catch(() => {});
  },

  async "openai-node shows an error and a refusal"(service) {
    const stream = await sdk(service).responses.create({ model: service.model, input: asked(script("401")), stream: true });
    await assert.rejects(read(stream, { text: "" }), (error) => error instanceof OpenAI.APIError && !/secret/.test(error.message));
    const refused = sdk(service).responses.create({ model: "nobody-offers-this", input: "안녕?" });
    await assert.rejects(refused, (error) => error instanceof OpenAI.APIError && error.status >= 400 && error.status < 500);
  },

  async "@ai-sdk/openai streams"(service) {
    await assertStreams(service, provider(service));
  },

  async "@ai-sdk/openai asks with a file"(service) {
    await assertReadsFile(service, provider(service), (conversation) => ({ openai: { conversation } }));
  },

  async "@ai-sdk/openai stops, and shows an error"(service) {
    await assertStopsAndShowsError(service, provider(service), (conversation) => ({ openai: { conversation } }), { staysReachable: true });
  },

  async "@ai-sdk/openai goes on with its own messages in one conversation"(service) {
    const model = provider(service);
    const question = { role: "user", content: "보증 기간은 얼마나 되나요?" };
    const first = await generateText({ model, messages: [question] });
    const second = await generateText({ model, messages: [question, ...first.response.messages, { role: "user", content: "왜죠?" }] });
    const ids = [first, second].map((result) => result.providerMetadata.openai.responseId);
    const [before, after] = await Promise.all(ids.map((id) => get(service, `answers/${id}`)));
    assert.equal(after.sessionId, before.sessionId);
    assert.equal(after.question, "왜죠?");
  },
};
