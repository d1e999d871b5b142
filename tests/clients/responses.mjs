// Clients of OpenAI's Responses: the official SDK, and the AI SDK's provider for OpenAI, which asks them by default.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { assert, assertRead, assertStopped, get, NOTE_URL, randomUUID, script, stop, until, withPdf } from "./asking.mjs";

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
    const result = streamText({ model: provider(service), prompt: "안녕?" });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, service.text);
    assert.equal(await result.finishReason, "stop");
  },

  async "@ai-sdk/openai asks with a file"(service) {
    const conversation = randomUUID();
    const result = streamText({ model: provider(service), messages: withPdf(service), providerOptions: { openai: { conversation } } });
    assert.equal(await result.text, service.text);
    await assertRead(service, conversation);
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

  async "@ai-sdk/openai stops, and shows an error"(service) {
    const hangUp = new AbortController();
    const conversation = randomUUID();
    const stopped = streamText({ model: provider(service), prompt: script("slow"), abortSignal: hangUp.signal, providerOptions: { openai: { conversation } } });
    for await (const part of stopped.fullStream) {
      if (part.type === "text-delta") hangUp.abort();
      if (part.type === "abort") break;
    }
    // Hanging up stops no answer to which a client can come back.
    const { turns } = await get(service, `sessions/${conversation}`);
    await stop(service, turns[0].answerId);
    await assertStopped(service, turns[0].answerId);
    const errors = [];
    const failed = streamText({ model: provider(service), prompt: script("401"), maxRetries: 0, onError: ({ error }) => errors.push(error) });
    for await (const part of failed.fullStream) void part;
    await until(() => errors.length, "the error");
    assert.doesNotMatch(errors[0].message ?? JSON.stringify(errors[0]), /secret/);
  },
};
