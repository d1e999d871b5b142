/** The frames of an answer as an async iterator; where the connection is cut, the answer is looked at until it is whole. */

import { call, fetchJson } from "./api.js";

/** Three heartbeats: a connection that is silent for longer is dead. */
const SILENCE_MS = 24_000;
const LOOK_MS = 1_000;
const MISSES = 10;
const ACCEPT = "text/event-stream";

/** The answer goes on somewhere, but it can't be heard from here any more. */
export class Cut extends Error {}

/** Ask, and follow the answer to its end. */
export async function* ask(form, { key, signal }) {
  const headers = { "Idempotency-Key": key };
  const place = { answerId: "", seen: 0 };
  try {
    const response = await call("ask", { method: "POST", body: form, headers, signal, accept: ACCEPT });
    for await (const frame of unseen(response, place)) {
      yield frame;
      if (frame.type === "done") return;
    }
  } catch (error) {
    if (signal.aborted || !place.answerId) throw error;
  }
  if (!place.answerId) throw new Cut();
  yield* attend(place.answerId, { signal });
}

/** Follow an answer that is already being given: its text so far, then what is added, then its end. */
export async function* attend(answerId, { signal }) {
  yield { type: "restart", content: {} };
  for (let shown = 0, misses = 0; ; await wait(LOOK_MS, signal)) {
    const answer = await fetchJson(`answers/${encodeURIComponent(answerId)}`, { signal }).catch((error) => {
      if (signal.aborted || error.retryable === false) throw error;
      if (++misses > MISSES) throw new Cut();
    });
    if (!answer) continue;
    yield { type: "text", content: answer.text.slice(shown) };
    shown = answer.text.length;
    if (answer.status !== "running") return yield* endOf(answer);
  }
}

function endOf({ references, metadata, error, status }) {
  const frames = references.map((content) => ({ type: "reference", content }));
  if (error) frames.push({ type: "error", content: error });
  if (metadata) frames.push({ type: "metadata", content: metadata });
  return [...frames, { type: "done", content: { status } }];
}

async function wait(milliseconds, signal) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  signal.throwIfAborted();
}

/** The numbered frames of one connection, each once; the place is moved along. */
async function* unseen(response, place) {
  for await (const frame of frames(response)) {
    if (frame.seq === undefined || frame.seq <= place.seen) continue;
    place.seen = frame.seq;
    if (frame.type === "start") place.answerId = frame.content.answerId;
    yield frame;
  }
}

/** The frames of one connection: `data: ` + JSON + an empty line each. */
async function* frames(response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await heard(reader.read());
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      yield* blocks.map(decode).filter(Boolean);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function decode(block) {
  const line = block.split("\n").find((each) => each.startsWith("data:"));
  return line && JSON.parse(line.slice(5));
}

/** What is read, unless nothing comes for too long. */
function heard(read) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Cut()), SILENCE_MS);
  });
  return Promise.race([read, silence]).finally(() => clearTimeout(timer));
}
