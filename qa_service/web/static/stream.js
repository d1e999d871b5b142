/** This module gives the frames of an answer as an async iterator. After a cut it connects again, and resumes. */

import { Problem, unreachable } from "./api.js";

/** A connection that is silent for longer than three heartbeats is dead. */
const SILENCE_MS = 24_000;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** With the pauses between them, so many attempts take some three minutes. */
const TRIES = 20;
const ACCEPT = "text/event-stream";

/**
 * Follow an answer of a service to its end. With `answerId` it is read from its beginning. With `form` it is asked for, and the form is
 * sent again with the same `key` until the answer's id is known. Beside the answer's frames there is a frame `lost` when a
 * connection is cut, and `found` when there is one again. Throws a `Problem` for which waiting doesn't help.
 */
export async function* follow(service, { answerId = "", form, key }, signal) {
  const place = { service, answerId, seen: 0 };
  for (let misses = 0; ; misses++) {
    try {
      for await (const frame of connection(place, { form, key }, signal)) {
        if (frame.seq) misses = 0;
        yield frame;
        if (frame.type === "done") return;
      }
      return;
    } catch (problem) {
      // While the browser is offline, this goes on: the browser says when it is online again.
      if (signal.aborted || !isTemporary(problem, place) || (misses >= TRIES && navigator.onLine)) throw problem;
      yield { type: "lost" };
      await pause(pauseAfter(problem, misses), signal);
    }
  }
}

/** Whether waiting may help. A question that was refused is not sent again, and an answer that has begun is waited for. */
function isTemporary(problem, { answerId }) {
  return problem instanceof Problem && problem.retryable && (answerId || problem.code === "network");
}

/** The pause in milliseconds: what the server asks for, or longer each time. Chance keeps readers from coming all at once. */
function pauseAfter({ retryAfter }, misses) {
  const asked = retryAfter ? retryAfter * 1000 : Math.min(PAUSE_MS * 2 ** misses, LONGEST_PAUSE_MS);
  return asked * (1 + Math.random() / 2);
}

/** Give those frames of one connection that haven't been seen, and note each in `place`. Ends if nothing comes any more. */
async function* connection(place, question, signal) {
  const line = new AbortController();
  const cut = () => line.abort();
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(cut, SILENCE_MS);
  };
  try {
    // An upload may take long, so silence counts only when there is none.
    if (place.answerId) heard();
    const response = await open(place, question, AbortSignal.any([signal, line.signal]));
    if (response.status === 204) return;
    yield { type: "found" };
    onReturn(cut, line.signal);
    heard();
    for await (const frame of frames(response)) {
      heard();
      if (frame.type === "reconnect") throw new Problem({ retryable: true, retryAfter: frame.content.backoffMs / 1000 });
      if (!(frame.seq > place.seen)) continue;
      place.seen = frame.seq;
      if (frame.type === "start") place.answerId = frame.content.answerId;
      yield frame;
    }
    throw unreachable();
  } catch (error) {
    throw error instanceof Problem ? error : unreachable();
  } finally {
    clearTimeout(silence);
    line.abort();
  }
}

function open({ service, answerId, seen }, { form, key }, signal) {
  if (!answerId) return service.call("ask", { method: "POST", body: form, headers: { "Idempotency-Key": key }, signal, accept: ACCEPT });
  return service.call(`answers/${encodeURIComponent(answerId)}/stream?after=${seen}`, { signal, accept: ACCEPT });
}

/** Split a response into frames. Each is `data: `, JSON and an empty line. */
async function* frames(response) {
  let rest = "";
  for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    yield* blocks.map(decode).filter(Boolean);
  }
}

function decode(block) {
  const line = block.split("\n").find((each) => each.startsWith("data:"));
  return line && JSON.parse(line.slice(5));
}

/** Call `act` when the page is seen again or the network is back, since its connection may be dead by then. */
function onReturn(act, signal) {
  addEventListener("online", act, { signal });
  document.addEventListener("visibilitychange", () => document.hidden || act(), { signal });
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => (over.abort(), resolve());
    setTimeout(end, milliseconds);
    onReturn(end, over.signal);
    signal.addEventListener("abort", end, { signal: over.signal });
  });
}
