/** The frames of an answer as an async iterator; where the connection is cut, the next one takes up where it ended. */

import { Problem, call, unreachable } from "./api.js";

/** Three heartbeats: a connection that is silent for longer is dead. */
const SILENCE_MS = 24_000;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** Some three minutes. */
const TRIES = 20;
const ACCEPT = "text/event-stream";

/**
 * Follow an answer to its end: one that is being given (`answerId`, from its beginning), or one that is asked for by
 * `form`, which is sent again with the same `key` until it is known to have arrived. Beside the answer's frames there is
 * `lost` when a connection is cut and `found` when one stands. Throws the `Problem` that waiting doesn't help.
 */
export async function* follow({ answerId = "", form, key }, signal) {
  const place = { answerId, seen: 0 };
  for (let misses = 0; ; misses++) {
    try {
      for await (const frame of connection(place, { form, key }, signal)) {
        if (frame.seq) misses = 0;
        yield frame;
        if (frame.type === "done") return;
      }
      return;
    } catch (problem) {
      // What is offline isn't given up: the browser says when it isn't any more.
      if (signal.aborted || !passes(problem, place) || (misses >= TRIES && navigator.onLine)) throw problem;
      yield { type: "lost" };
      await pause(pauseAfter(problem, misses), signal);
    }
  }
}

/** A question that was refused is told at once; one that is being answered is waited for. */
function passes(problem, { answerId }) {
  return problem instanceof Problem && problem.retryable && (answerId || problem.code === "network");
}

/** In milliseconds: what the server asked for, or else longer each time; never all readers at once. */
function pauseAfter({ retryAfter }, misses) {
  const asked = retryAfter ? retryAfter * 1000 : Math.min(PAUSE_MS * 2 ** misses, LONGEST_PAUSE_MS);
  return asked * (1 + Math.random() / 2);
}

/** The frames of one connection that haven't been seen; the place is moved along. Ends where nothing comes any more. */
async function* connection(place, question, signal) {
  const line = new AbortController();
  const cut = () => line.abort();
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(cut, SILENCE_MS);
  };
  try {
    // An upload may take its time.
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

function open({ answerId, seen }, { form, key }, signal) {
  if (!answerId) return call("ask", { method: "POST", body: form, headers: { "Idempotency-Key": key }, signal, accept: ACCEPT });
  return call(`answers/${encodeURIComponent(answerId)}/stream?after=${seen}`, { signal, accept: ACCEPT });
}

/** `data: ` + JSON + an empty line each. */
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

/** A page that comes back to sight or to the network doesn't know what its connections are worth, and waits no longer. */
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
