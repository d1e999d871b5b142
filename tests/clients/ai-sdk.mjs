// The AI SDK: useChat's `Chat` as a page has it, its transports, its reader of messages, and the reader of version 4.
import { Chat } from "@ai-sdk/react";
import { processDataStream } from "@ai-sdk/ui-utils";
import { DefaultChatTransport, readUIMessageStream, TextStreamChatTransport } from "ai";
import { assert, assertStopped, assertTold, get, HEADERS, NOTE, NOTE_URL, randomUUID, script, until } from "./asking.mjs";

const FILE = { type: "file", mediaType: "text/plain", filename: "보증.txt", url: NOTE_URL };

function open(service, init = {}) {
  return new Chat({ transport: transportOf(service), onError: () => {}, ...init });
}

const transportOf = (service) => new DefaultChatTransport({ api: `${service.cable.api}/chat`, headers: HEADERS(service) });

// Asks without a page around it: the transport alone gives the stream.
function send(service, { text, files = [], chatId = randomUUID() }) {
  const messages = [{ id: randomUUID(), role: "user", parts: [...files, { type: "text", text }] }];
  return transportOf(service).sendMessages({ chatId, messages, trigger: "submit-message" });
}

async function build(stream, seen = () => {}) {
  let built;
  for await (built of readUIMessageStream({ stream, terminateOnError: true })) seen(built);
  return built;
}

const last = (chat) => chat.messages.at(-1);
const textOf = (message) => message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
const written = (chat) => (last(chat)?.role === "assistant" ? textOf(last(chat)) : "");
const some = (chat) => until(() => written(chat).length > 5, "the first words");
const questions = async (service, chat) => (await get(service, `sessions/${chat.id}`)).turns.map((turn) => turn.question).reverse();

function assertWhole(service, chat, text = service.text) {
  assert.equal(chat.status, "ready", chat.error?.stack);
  assert.equal(written(chat), text);
  assert.equal(last(chat).parts.filter((part) => part.type === "text").length, 1);
}

export default {
  async "asks with a file and streams into one message"(service) {
    const seen = [];
    const chat = open(service, { onData: (part) => seen.push(part) });
    await chat.sendMessage({ text: "보증 기간은 얼마나 되나요?", files: [FILE] });
    assertWhole(service, chat);
    const { metadata } = last(chat);
    assert.deepEqual(metadata.files.map(({ name, status }) => [name, status]), [["보증.txt", "used"]]);
    assert.equal(metadata.sessionId, chat.id);
    assert.equal(metadata.usage.input, service.tokens);
    assert.equal((await get(service, `answers/${last(chat).id}`)).text, service.text);
    assert.ok(seen.some((part) => part.type === "data-status" && part.data.stage === "file"));
  },

  async "shows the sources of an answer"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: script("02_web_search") });
    const sources = last(chat).parts.filter((part) => part.type === "source-url");
    assert.ok(sources.length, JSON.stringify(last(chat).parts));
    const references = last(chat).parts.filter((part) => part.type === "data-reference");
    assert.deepEqual(references.map((part) => part.data.url), sources.map((part) => part.url));
  },

  async "shows the page of a file that an answer cites"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: script("citing"), files: [FILE] });
    const { filename, sourceId } = last(chat).parts.find((part) => part.type === "source-document");
    const { data } = last(chat).parts.find((part) => part.type === "data-reference" && part.id === sourceId);
    assert.deepEqual([filename, data.quote], ["보증.txt", NOTE]);
    const page = await get(service, data.url.replace("/api/", ""));
    assert.equal(page.text, NOTE);
    // What the page keeps of all this must not get in the way of the next question.
    await chat.sendMessage({ text: "그건 왜죠?" });
    assert.deepEqual([chat.status, chat.messages.length], ["ready", 4], chat.error?.message);
  },

  async "shows a picture that the model draws"(service) {
    const seen = [];
    const chat = open(service, { onData: (part) => seen.push(part.type) });
    await chat.sendMessage({ text: script("03_image_generation") });
    const { url, mediaType } = last(chat).parts.find((part) => part.type === "file");
    assert.ok(seen.includes("data-image"));
    const picture = await fetch(new URL(url, service.cable.api));
    assert.deepEqual([picture.status, picture.headers.get("content-type")], [200, mediaType]);
  },

  async "comes back after a cut and has every word once"(service) {
    const chat = open(service);
    const asked = chat.sendMessage({ text: script("paced") });
    await some(chat);
    service.cable.cut();
    await asked;
    assert.equal(chat.status, "error");
    const before = written(chat);
    assert.ok(before.length < service.paced.length);
    await chat.resumeStream();
    assertWhole(service, chat, service.paced);
    assert.equal(chat.messages.length, 2);
  },

  async "comes back after a reload of the page"(service) {
    const chat = open(service);
    const asked = chat.sendMessage({ text: script("paced") });
    await some(chat);
    const reloaded = open(service, { id: chat.id, messages: [chat.messages[0]] });
    await Promise.all([reloaded.resumeStream(), asked]);
    assertWhole(service, reloaded, service.paced);
    assert.equal(last(reloaded).id, last(chat).id);
  },

  async "finds nothing to come back to"(service) {
    const chat = open(service);
    await chat.resumeStream();
    assert.deepEqual([chat.status, chat.messages.length], ["ready", 0]);
    await chat.sendMessage({ text: "안녕?" });
    await until(async () => (await get(service, `answers/${last(chat).id}`)).status === "completed", "the end");
    await chat.resumeStream();
    assertWhole(service, chat);
  },

  async "comes back to a finished answer by a transport of its own"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: "안녕?" });
    const transport = new DefaultChatTransport({
      headers: HEADERS(service),
      prepareReconnectToStreamRequest: () => ({
        api: `${service.cable.api}/answers/${last(chat).id}/stream?format=ui-message`,
        headers: HEADERS(service),
      }),
    });
    const reloaded = open(service, { id: chat.id, messages: [chat.messages[0]], transport });
    await reloaded.resumeStream();
    assertWhole(service, reloaded);
  },

  async "stops"(service) {
    const chat = open(service);
    const asked = chat.sendMessage({ text: script("slow") });
    await some(chat);
    await fetch(`${service.cable.api}/chat/${chat.id}/stop`, { method: "POST", headers: HEADERS(service) });
    await chat.stop();
    await asked;
    assert.equal(chat.status, "ready");
    await assertStopped(service, last(chat).id);
  },

  async "is told of a stop by somebody else"(service) {
    const chat = open(service);
    const asked = chat.sendMessage({ text: script("slow") });
    await some(chat);
    await fetch(`${service.cable.api}/chat/${chat.id}/stop`, { method: "POST", headers: HEADERS(service) });
    await asked;
    assert.equal(chat.status, "ready");
    assert.equal(last(chat).metadata.finishReason, "cancelled");
  },

  async "has the last answer written again"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: "안녕?" });
    await chat.sendMessage({ text: "그건 왜죠?", files: [FILE] });
    const { id } = last(chat);
    await chat.regenerate();
    assertWhole(service, chat);
    assert.notEqual(last(chat).id, id);
    assert.deepEqual(await questions(service, chat), ["안녕?", "그건 왜죠?"]);
    assert.equal((await get(service, `sessions/${chat.id}/files`)).items.length, 1);
  },

  async "changes a question"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: "안녕?" });
    await chat.sendMessage({ text: "그건 왜죠?" });
    const [first, , second] = chat.messages;
    await chat.sendMessage({ text: "그건 언제죠?", messageId: second.id });
    assert.deepEqual(await questions(service, chat), ["안녕?", "그건 언제죠?"]);
    await chat.sendMessage({ text: "하늘은 왜 파랗죠?", messageId: first.id });
    assert.deepEqual(await questions(service, chat), ["하늘은 왜 파랗죠?"]);
    assertWhole(service, chat);
  },

  async "shows an error, and asks again"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: script("401") });
    assert.equal(chat.status, "error");
    assertTold(chat.error.message);
    assert.equal(last(chat).metadata.finishReason, "error");
    await chat.sendMessage({ text: "안녕?", messageId: chat.messages[0].id });
    assertWhole(service, chat);
    assert.deepEqual(await questions(service, chat), ["안녕?"]);
  },

  async "shows a refusal"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: "안녕?" }, { body: { model: "nobody-offers-this" } });
    assert.equal(chat.status, "error");
    assert.equal(JSON.parse(chat.error.message).code, "model_not_allowed");
  },

  async "keeps what was written when upstream breaks off"(service) {
    const chat = open(service);
    await chat.sendMessage({ text: script("cut") });
    assert.equal(chat.status, "error");
    assert.ok(service.text.startsWith(written(chat)) && written(chat));
  },

  async "takes signs of life for nothing else"(service) {
    const [wire, keepWire] = listenIn();
    const transport = new DefaultChatTransport({ api: `${service.cable.api}/chat`, headers: HEADERS(service), fetch: keepWire });
    const chat = open(service, { transport });
    await chat.sendMessage({ text: script("late") });
    assertWhole(service, chat);
    assert.match(wire.text, /^: heartbeat$/m);
  },

  async "version 4: takes signs of life for nothing else"(service) {
    const [wire, keepWire] = listenIn();
    assert.equal((await version4(service, script("late"), keepWire)).text, service.text);
    assert.match(wire.text, /^2:\[\]$/m);
  },

  async "core: asks with a file and builds messages from the stream"(service) {
    let versions = 0;
    const built = await build(await send(service, { text: "안녕?", files: [FILE] }), () => versions++);
    assert.equal(textOf(built), service.text);
    assert.equal(built.metadata.files[0].status, "used");
    assert.ok(versions > 5);
  },

  async "core: comes back after a cut"(service) {
    const chatId = randomUUID();
    const reading = build(await send(service, { text: script("paced"), chatId }), (built) => textOf(built).length > 5 && service.cable.cut());
    await assert.rejects(reading, TypeError);
    const rest = await transportOf(service).reconnectToStream({ chatId });
    assert.equal(textOf(await build(rest)), service.paced);
  },

  async "core: stops, and shows an error"(service) {
    const chatId = randomUUID();
    const seen = {};
    const reading = build(await send(service, { text: script("slow"), chatId }), (built) => Object.assign(seen, built));
    await until(() => seen.parts && textOf(seen), "the first words");
    await fetch(`${service.cable.api}/chat/${chatId}/stop`, { method: "POST", headers: HEADERS(service) });
    assert.equal((await reading).metadata.finishReason, "cancelled");
    await assertStopped(service, seen.id);
    await assert.rejects(build(await send(service, { text: script("401") })), (error) => (assertTold(error.message), true));
  },

  async "text transport: shows the text, and takes a break for an error"(service) {
    const transport = new TextStreamChatTransport({ api: `${service.cable.api}/chat?format=text`, headers: HEADERS(service) });
    const chat = open(service, { transport });
    await chat.sendMessage({ text: "안녕?", files: [FILE] });
    assertWhole(service, chat);
    assert.equal((await get(service, `sessions/${chat.id}/files`)).items[0].status, "used");
    await chat.sendMessage({ text: script("cut") });
    assert.equal(chat.status, "error");
  },

  async "text transport: stops by hanging up"(service) {
    const transport = new TextStreamChatTransport({ api: `${service.cable.api}/chat?format=text`, headers: HEADERS(service) });
    const chat = open(service, { transport });
    const asked = chat.sendMessage({ text: script("slow") });
    await some(chat);
    await chat.stop();
    await asked;
    const { turns } = await get(service, `sessions/${chat.id}`);
    await assertStopped(service, turns[0].answerId);
  },

  async "version 4: asks with a file, streams and ends"(service) {
    const got = await version4(service, "보증 기간은 얼마나 되나요?");
    assert.equal(got.text, service.text);
    assert.deepEqual([got.end.finishReason, got.end.usage.promptTokens], ["stop", service.tokens]);
    assert.deepEqual(got.data.find((each) => each.type === "metadata").content.files.map((file) => file.status), ["used"]);
  },

  async "version 4: stops by hanging up"(service) {
    const hangUp = new AbortController();
    let answerId;
    const listening = async (url, init) => {
      const response = await fetch(url, { ...init, signal: hangUp.signal });
      answerId = response.headers.get("x-answer-id");
      return response;
    };
    await assert.rejects(version4(service, script("slow"), listening, ({ text }) => text && hangUp.abort()));
    await assertStopped(service, answerId);
  },

  async "version 4: shows sources and an error"(service) {
    assert.ok((await version4(service, script("02_web_search"))).sources.every(({ url }) => url.startsWith("http")));
    assertTold((await version4(service, script("401"))).error);
  },
};

// A `fetch` that hands everything on, and keeps what came.
function listenIn() {
  const wire = { text: "" };
  const listening = async (url, init) => {
    const response = await fetch(url, init);
    const decoder = new TextDecoder();
    const keep = new TransformStream({
      transform(piece, out) {
        wire.text += decoder.decode(piece, { stream: true });
        out.enqueue(piece);
      },
    });
    return new Response(response.body.pipeThrough(keep), response);
  };
  return [wire, listening];
}

async function version4(service, text, send = fetch, seen = () => {}) {
  const attachment = { name: "보증.txt", contentType: "text/plain", url: NOTE_URL };
  const message = { id: "u", role: "user", content: text, parts: [{ type: "text", text }], experimental_attachments: [attachment] };
  const response = await send(`${service.cable.api}/chat`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...HEADERS(service) },
    body: JSON.stringify({ id: randomUUID(), messages: [message] }),
  });
  assert.equal(response.headers.get("x-vercel-ai-data-stream"), "v1");
  const got = { text: "", data: [], sources: [] };
  await processDataStream({
    stream: response.body,
    onTextPart: (piece) => ((got.text += piece), seen(got)),
    onDataPart: (values) => got.data.push(...values),
    onSourcePart: (source) => got.sources.push(source),
    onErrorPart: (error) => (got.error = error),
    onFinishMessagePart: (end) => (got.end = end),
  });
  return got;
}
