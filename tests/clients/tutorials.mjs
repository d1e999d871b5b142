// Loops as tutorials write them, in their own way and without our help.
import { EventSource } from "eventsource";
import { assert, assertStopped, get, HEADERS, randomUUID, script, until } from "./asking.mjs";

const json = (service, body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", ...HEADERS(service) },
  body: JSON.stringify(body),
});

// Appends the `content` of whatever has one.
async function appendBlindly(service, message) {
  const response = await fetch(`${service.cable.api}/ask?format=events`, json(service, { message }));
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let answer = "", buffer = "", done = false;
  while (!done) {
    const part = await reader.read();
    if (part.done) break;
    buffer += decoder.decode(part.value, { stream: true });
    const lines = buffer.split("\n");
    buffer = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const parsed = JSON.parse(line.slice(6));
      if (parsed.content) answer += parsed.content;
      if (parsed.done) done = true;
    }
  }
  return { answer, done };
}

// Sends its messages, and shows the bytes that come as text.
async function showText(service, messages, { signal, seen = () => {} } = {}) {
  const response = await fetch(`${service.cable.api}/chat`, { ...json(service, { messages }), signal });
  if (!response.ok) throw new Error(await response.text());
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body) seen((text += decoder.decode(piece, { stream: true })), response);
  return text;
}

// Listens for named events, and opens the source again after a while when it breaks, or when no heartbeat comes in time.
function manage(service, question, { longest = 45_000 } = {}) {
  const got = { text: "", beats: 0, opened: 0 };
  const url = `${service.cable.api}/ask?format=events&sessionId=${randomUUID()}&question=${encodeURIComponent(question)}`;
  const connect = (wait = 50) => {
    let timer;
    const expectHeartbeat = () => {
      clearTimeout(timer);
      timer = setTimeout(() => (source.close(), connect(2 * wait)), longest);
    };
    const source = new EventSource(url, { fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...HEADERS(service) } }) });
    got.opened++;
    got.text = "";
    source.onopen = expectHeartbeat;
    source.addEventListener("start", (event) => (got.id = JSON.parse(event.data).stream_id));
    source.addEventListener("heartbeat", () => (got.beats++, expectHeartbeat()));
    source.onmessage = ({ data }) => (got.text += JSON.parse(data).content ?? "");
    source.addEventListener("done", ({ data }) => {
      got.done = JSON.parse(data);
      clearTimeout(timer);
      source.close();
    });
    source.onerror = (event) => {
      source.close();
      clearTimeout(timer);
      if (event instanceof MessageEvent) got.error = JSON.parse(event.data);
      else setTimeout(connect, wait, 2 * wait);
    };
  };
  connect();
  return got;
}

// Reads pictures line by line, and keeps the last one of them.
async function drawPicture(service, prompt) {
  const response = await fetch(`${service.cable.api}/images?prompt=${encodeURIComponent(prompt)}`, { headers: HEADERS(service) });
  if (!response.ok) throw new Error((await response.json()).error);
  const decoder = new TextDecoder();
  const shown = [];
  let buffer = "", picture, final;
  for await (const piece of response.body) {
    buffer += decoder.decode(piece, { stream: true });
    const lines = buffer.split("\n");
    buffer = lines.pop();
    for (const line of lines) {
      if (!line.trim()) continue;
      const data = JSON.parse(line);
      if (data.error) throw new Error(data.message);
      picture = `data:image/png;base64,${data.partial_image_b64s[0]}`;
      shown.push(data.output_index);
      if (data.status === "completed") final = data;
    }
  }
  return { shown, picture, final };
}

const said = (content) => [
  { role: "user", content: "안녕?" },
  { role: "assistant", content: "안녕하세요." },
  { role: "user", content },
];

export default {
  async "a loop that appends every content shows the text alone"(service) {
    assert.deepEqual(await appendBlindly(service, "보증 기간은 얼마나 되나요?"), { answer: service.text, done: true });
  },

  async "messages in, text out"(service) {
    assert.equal(await showText(service, said("그건 왜죠?")), service.text);
  },

  async "messages in, text out: a break is no end, and a refusal is an error"(service) {
    await assert.rejects(showText(service, said(script("cut"))), TypeError);
    await assert.rejects(showText(service, said(script("401"))), TypeError);
    await assert.rejects(showText(service, [{ role: "user", content: "" }]), /question/);
  },

  async "messages in, text out: hanging up stops"(service) {
    const hangUp = new AbortController();
    let answerId;
    const seen = (text, response) => {
      answerId = response.headers.get("x-answer-id");
      if (text.length > 5) hangUp.abort();
    };
    await assert.rejects(showText(service, said(script("slow")), { signal: hangUp.signal, seen }));
    await assertStopped(service, answerId);
  },

  async "a manager that opens its source again gets the same answer"(service) {
    const got = manage(service, script("paced"));
    await until(() => got.text.length > 5, "the first words");
    service.cable.cut();
    await until(() => got.done, "the end");
    assert.equal(got.text, service.paced);
    assert.ok(got.opened > 1);
    assert.equal((await get(service, `answers/${got.id}`)).text, service.paced);
  },

  async "an image page shows parts, and then the picture with what it cost"(service) {
    const { shown, picture, final } = await drawPicture(service, script("image"));
    assert.deepEqual(shown, [0, 1, 2, 3]);
    const bytes = Buffer.from(picture.split(",")[1], "base64");
    assert.deepEqual([bytes.subarray(1, 4).toString(), bytes.length > 20_000], ["PNG", true]);
    assert.deepEqual([final.usage.input_tokens, final.final_model], [service.tokens, service.model]);
  },

  async "an image page shows an error, before the lines and in them"(service) {
    await assert.rejects(drawPicture(service, " "), /^Error: Prompt is required$/);
    await assert.rejects(drawPicture(service, script("401")), /credential/);
  },

  async "a manager that expects heartbeats waits for a late answer"(service) {
    const got = manage(service, script("late"), { longest: 6_500 });
    await until(() => got.done, "the end");
    assert.equal(got.text, service.text);
    assert.ok(got.beats > 0);
    assert.equal(got.opened, 1);
  },

  async "a manager shows an error"(service) {
    const got = manage(service, script("401"));
    await until(() => got.error, "the error");
    assert.match(got.error.userMessage, /[가-힣]/);
  },
};
