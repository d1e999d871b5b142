/**
 * This module follows one answer to its end, through lost connections.
 *
 * An answer is asked for once. While its id isn't known, the same request is sent again with the same idempotency key, so
 * that it is never paid twice. From then on its stream is resumed behind the last frame that came. A connection is given up
 * when it is silent for too long, and when the page was frozen; the next one is tried after a pause that grows.
 */

import { createParser } from "./events.js";
import { Problem, makeUnreachable } from "./problem.js";
import { anyOf, isOffline, onReturn, pause } from "./waking.js";

const FIRST_PAUSE_MS = 1_000;
const GROWTH = 1.5;
const LONGEST_PAUSE_MS = 30_000;
/** The service sends something every eight seconds. A page that comes back doesn't wait for a line that missed that. */
const QUIET_MS = 10_000;
const OVER = new Set(["done", "failed", "gave up"]);

/**
 * An `Answer` is an async iterable of the answer's frames, as the service's contract describes them. Several loops may read
 * it at once, and each gets all frames. Nothing is sent before the first of them, or `text()` or `answer()`, wants it.
 */
export class Answer {
  id = "";
  sessionId = "";
  /** One of `new`, `connecting`, `streaming`, `reconnecting`, `gave up`, `failed` and `done`. */
  state = "new";

  #client;
  #options;
  #frames = [];
  #seen = 0;
  #readers = 0;
  #wake = [];
  #run = null;
  #problem = null;
  #left = new AbortController();

  constructor(client, options) {
    this.#client = client;
    this.#options = options;
    this.id = options.answerId || "";
    this.#seen = options.after || 0;
  }

  async *[Symbol.asyncIterator]() {
    this.#begin();
    this.#readers++;
    try {
      for (let at = 0; ; at++) {
        while (at >= this.#frames.length) {
          if (this.#problem) throw this.#problem;
          if (OVER.has(this.state)) return;
          await new Promise((resolve) => this.#wake.push(resolve));
        }
        yield this.#frames[at];
      }
    } finally {
      // The answer itself goes on at the service, as long as its site lets it.
      if (!--this.#readers) this.#left.abort();
    }
  }

  /** The whole text, once the answer is over. Text that came before a `restart` is void. */
  async text() {
    return (await this.answer()).text;
  }

  /** The whole answer, once it is over: `answerId`, `sessionId`, `text`, `references`, `metadata`, `error` and `status`. */
  async answer() {
    const whole = { text: "", references: [], metadata: null, error: null, status: "" };
    for await (const { type, content } of this) {
      if (type === "text") whole.text += content;
      else if (type === "restart") Object.assign(whole, { text: "", references: [] });
      else if (type === "reference") whole.references.push(content);
      else if (type === "metadata" || type === "error") whole[type] = content;
      else if (type === "done") whole.status = content.status;
    }
    return { answerId: this.id, sessionId: this.sessionId, ...whole };
  }

  /** Stop the answer. What was written so far is kept. The frames then end with `done`, whose status is `cancelled`. */
  async cancel() {
    while (!this.id && !OVER.has(this.state) && this.#run) await new Promise((resolve) => this.#wake.push(resolve));
    if (!this.id) return this.#left.abort();
    await this.#client.json(`answers/${encodeURIComponent(this.id)}/cancel`, { method: "POST" });
  }

  #begin() {
    if (this.#left.signal.aborted) this.#left = new AbortController();
    else if (this.#run) return;
    const { signal } = this.#options;
    const stop = signal ? anyOf(signal, this.#left.signal) : this.#left.signal;
    const run = this.#follow(stop).catch((problem) => {
      if (this.#run !== run || (stop.aborted && !signal?.aborted)) return;
      this.#problem = signal?.aborted ? signal.reason : problem;
      this.#change(this.state === "gave up" ? "gave up" : "failed");
    });
    this.#run = run;
  }

  async #follow(stop) {
    for (let misses = 0; ; ) {
      this.#change(misses || this.#seen ? "reconnecting" : "connecting");
      let wait = 0;
      try {
        for await (const frame of this.#connect(stop)) {
          if (frame.seq) misses = 0;
          if (frame.type === "reconnect") wait = frame.content.backoffMs || FIRST_PAUSE_MS;
          else this.#give(frame);
          if (frame.type === "done") return this.#change("done");
          if (wait) break;
        }
        if (!wait) return this.#change("done");
      } catch (problem) {
        if (stop.aborted || !this.#mayComeBack(problem)) throw problem;
        if (++misses > this.#client.tries && !isOffline()) {
          this.#change("gave up");
          throw problem;
        }
        wait = problem.retryAfter ? problem.retryAfter * 1_000 : Math.min(FIRST_PAUSE_MS * GROWTH ** (misses - 1), LONGEST_PAUSE_MS);
      }
      this.#change("reconnecting");
      // Chance keeps readers from coming all at once.
      await pause(wait * (1 + Math.random() / 2), stop);
      if (stop.aborted) throw stop.reason;
    }
  }

  /** Give the frames of one connection that are new. It ends without `done` only where nothing comes after what was seen. */
  async *#connect(stop) {
    const line = new AbortController();
    const signal = anyOf(stop, line.signal);
    let heardAt = Date.now();
    let silence;
    const cut = () => line.abort();
    const hear = () => {
      heardAt = Date.now();
      clearTimeout(silence);
      silence = setTimeout(cut, this.#client.silence);
    };
    try {
      // An upload may take long, so silence counts only from the response on.
      const response = await (this.id ? this.#resume(signal) : this.#ask(signal));
      if (response.status === 204) return;
      this.#change("streaming");
      onReturn(() => Date.now() - heardAt > QUIET_MS && cut(), signal);
      hear();
      const events = [];
      const parser = createParser(({ data }) => events.push(JSON.parse(data)));
      for await (const piece of response.pieces) {
        hear();
        parser.read(piece);
        for (const frame of events.splice(0)) if (this.#isNew(frame)) yield frame;
      }
      throw makeUnreachable(this.#client.language);
    } catch (error) {
      throw stop.aborted || error instanceof Problem ? error : makeUnreachable(this.#client.language);
    } finally {
      clearTimeout(silence);
      line.abort();
    }
  }

  #ask(signal) {
    const { body, headers, onUpload } = this.#options.request;
    return this.#client.open("ask", { method: "POST", body: body(), headers, onUpload, signal });
  }

  #resume(signal) {
    return this.#client.open(`answers/${encodeURIComponent(this.id)}/stream?after=${this.#seen}`, { signal });
  }

  #isNew(frame) {
    if (frame.type === "heartbeat") return false;
    if (frame.type === "reconnect") return true;
    if (!(frame.seq > this.#seen)) return false;
    this.#seen = frame.seq;
    return true;
  }

  #give(frame) {
    if (frame.type === "start") {
      this.id = frame.content.answerId;
      this.sessionId = frame.content.sessionId;
    }
    this.#options.remember?.(this, frame);
    this.#frames.push(frame);
    this.#change(this.state);
  }

  #mayComeBack(problem) {
    return problem instanceof Problem && problem.retryable;
  }

  #change(state) {
    const changed = this.state !== state;
    this.state = state;
    for (const resolve of this.#wake.splice(0)) resolve();
    if (changed) this.#options.onState?.(state);
  }
}
