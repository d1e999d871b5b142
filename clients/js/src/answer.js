/**
 * This module follows one answer to its end, through lost connections.
 *
 * An answer is asked for once. While its id isn't known, the same request is sent again with the same idempotency key, so
 * that it is never paid twice. From then on its stream is resumed behind the last frame that came. A connection is given up
 * when it is silent for too long, and when the page was frozen; the next one is tried after a pause that grows.
 *
 * One run of `#follow` at a time does this. It begins with the first reader, and ends with the answer, with a problem for
 * which waiting doesn't help, or when the last reader leaves. A later reader begins another run, which goes on where the
 * one before it has ended.
 */

import { createParser } from "./events.js";
import { Problem, makeUnreachable } from "./problem.js";
import { anyOf, isOffline, onReturn, pause, reasonOf } from "./waking.js";

const GROWTH = 1.5;
const LONGEST_PAUSE_MS = 30_000;
/** The service sends something every eight seconds. A page that comes back doesn't wait for a connection that missed that. */
const QUIET_MS = 10_000;
/** An upload that is stopped is cut after this many milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * An `Answer` is an async iterable of the answer's frames, as the service's contract describes them. Several loops may read
 * it at once, and each gets all frames. Nothing is sent before the first of them, or `text()` or `answer()`, wants it. A
 * loop that throws may be repeated: it then tries again, with the same idempotency key.
 */
export class Answer {
  /** The answer's id, or an empty text while it isn't known. */
  id = "";
  sessionId = "";
  /** One of `new`, `connecting`, `streaming`, `reconnecting`, `gave up`, `failed` and `done`. */
  state = "new";

  #client;
  #options;
  #frames = [];
  #seen = 0;
  #isSent = false;
  #readers = 0;
  #waiting = [];
  #run = null;
  #problem = null;

  /** This is for the client. `ask` and `follow` make answers. */
  constructor(client, options) {
    this.#client = client;
    this.#options = options;
    this.id = options.answerId || "";
    this.#seen = options.after || 0;
  }

  async *[Symbol.asyncIterator]() {
    this.#readers++;
    this.#begin();
    try {
      for (let at = 0; ; at++) {
        while (at >= this.#frames.length) {
          if (this.#problem) throw this.#problem;
          if (this.state === "done") return;
          await this.#news();
        }
        yield this.#frames[at];
      }
    } finally {
      // The answer itself goes on at the service, as long as its site lets it.
      if (!--this.#readers) this.#leave();
    }
  }

  /** The whole text, once the answer is over. Throws a `Problem` where the answer has failed. */
  async text() {
    const { text, error } = await this.answer();
    if (error) throw new Problem({ ...error, language: this.#client.language });
    return text;
  }

  /**
   * The whole answer, once it is over: `answerId`, `sessionId`, `text`, `references`, `images`, `metadata`, `error` and
   * `status`. What came before a `restart` is void. `status` is empty where nothing came behind the frame `after`.
   */
  async answer() {
    const whole = { text: "", references: [], images: new Map(), metadata: null, error: null, status: "" };
    for await (const { type, content } of this) {
      if (type === "text") whole.text += content;
      else if (type === "restart") Object.assign(whole, { text: "", references: [], images: new Map() });
      else if (type === "reference") whole.references.push(content);
      else if (type === "image" && !content.partial) whole.images.set(content.index, content);
      else if (type === "metadata" || type === "error") whole[type] = content;
      else if (type === "done") whole.status = content.status;
    }
    return { answerId: this.id, sessionId: this.sessionId, ...whole, images: [...whole.images.values()].sort((one, other) => one.index - other.index) };
  }

  /**
   * Stop the answer. What was written so far is kept. The frames then end with `done`, whose status is `cancelled`. Where
   * the connection is lost, this is tried again as often as reading is. An upload that hasn't arrived is cut, and so is a
   * question without a connection. One that was sent is answered without its reader, too, so its id is waited for.
   */
  async cancel() {
    const began = Date.now();
    const isPatient = () => Date.now() - began < (this.#isSent ? this.#client.silence : PATIENCE_MS);
    while (!this.id && this.#run && isPatient()) await Promise.race([this.#news(), pause(PATIENCE_MS)]);
    if (!this.id) {
      this.#leave();
      if (this.state !== "done") this.#give({ seq: 0, type: "done", content: { status: "cancelled" } });
    }
    for (let misses = 0; this.state !== "done"; await pause(this.#pauseAfter(misses), { early: true })) {
      try {
        return void (await this.#client.json(`answers/${encodeURIComponent(this.id)}/cancel`, { method: "POST" }));
      } catch (problem) {
        if (!problem.retryable) throw problem;
        misses = this.#miss(misses, problem);
      }
    }
  }

  #begin() {
    if (this.#run || this.state === "done") return;
    const run = (this.#run = new AbortController());
    const { signal } = this.#options;
    this.#problem = null;
    this.#follow(signal ? anyOf(signal, run.signal) : run.signal).catch((error) => {
      if (this.#run !== run) return;
      this.#run = null;
      const problem = (this.#problem = signal?.aborted ? reasonOf(signal) : error);
      this.#change(problem.gaveUp ? "gave up" : "failed", problem);
    });
  }

  #leave() {
    this.#run?.abort();
    this.#run = null;
  }

  async #follow(stop) {
    for (let misses = 0, problem = null; ; ) {
      this.#change(problem || this.#frames.length ? "reconnecting" : "connecting", problem);
      let wait = 0;
      try {
        wait = await this.#readConnection(stop, () => (misses = 0));
        if (!wait) return this.#change("done");
        problem = null;
      } catch (error) {
        if (stop.aborted || !this.#client.retry(error, this)) throw error;
        problem = error;
      }
      misses = this.#miss(misses, problem);
      this.#change("reconnecting", problem);
      const asked = wait || (problem?.retryAfter ?? 0) * 1_000;
      await pause(asked ? jitter(asked) : this.#pauseAfter(misses), { signal: stop, early: !asked });
      if (stop.aborted) throw reasonOf(stop);
    }
  }

  /**
   * Give the new frames of one connection. Returns how many milliseconds the service wants to be left alone before the next
   * connection, or 0 when nothing comes any more.
   */
  async #readConnection(stop, hadNews) {
    for await (const frame of this.#connect(stop)) {
      if (stop.aborted) throw reasonOf(stop);
      if (frame.type === "reconnect") return frame.content.backoffMs || this.#client.pause;
      if (!(frame.seq > this.#seen)) continue;
      this.#seen = frame.seq;
      hadNews();
      this.#give(frame);
      if (frame.type === "done") return 0;
    }
    return 0;
  }

  /** Give all frames of one connection. It ends without a problem only where nothing comes after what was seen. */
  async *#connect(stop) {
    const line = new AbortController();
    const signal = anyOf(stop, line.signal);
    const cut = () => line.abort(new Error("The connection was silent."));
    let heardAt, silence;
    const hear = () => {
      heardAt = Date.now();
      clearTimeout(silence);
      silence = setTimeout(cut, this.#client.silence);
    };
    const stopListening = onReturn(() => Date.now() - heardAt > QUIET_MS && cut());
    try {
      const response = await (this.id ? this.#resume(signal, hear) : this.#ask(signal, hear));
      if (response.status === 204) return;
      hear();
      this.#change("streaming");
      yield* this.#readFrames(response, hear);
      throw makeUnreachable(this.#client.language);
    } catch (error) {
      throw stop.aborted || error instanceof Problem ? error : makeUnreachable(this.#client.language, error);
    } finally {
      clearTimeout(silence);
      stopListening();
      cut();
    }
  }

  async *#readFrames({ pieces }, hear) {
    const events = [];
    const parser = createParser(({ data }) => events.push(JSON.parse(data)));
    for await (const piece of pieces) {
      hear();
      parser.read(piece);
      yield* events.splice(0);
    }
  }

  /** Ask. An upload may take long, so its silence counts only where its progress is told. */
  #ask(signal, hear) {
    const { isUpload, onUpload, ...request } = this.#options.request;
    if (!isUpload) hear();
    const told = onUpload && ((share) => (hear(), tell(onUpload, share)));
    return this.#client.open("ask", { ...request, method: "POST", onUpload: told, onSend: () => (this.#isSent = !isUpload), signal });
  }

  #resume(signal, hear) {
    hear();
    return this.#client.open(`answers/${encodeURIComponent(this.id)}/stream?after=${this.#seen}`, { signal });
  }

  #give(frame) {
    if (frame.type === "start") {
      this.id = frame.content.answerId;
      this.sessionId = frame.content.sessionId;
    }
    this.#options.remember(this, frame);
    this.#frames.push(frame);
    this.#change(frame.type === "done" ? "done" : this.state);
  }

  #change(state, problem = null) {
    if (this.state === "done") return;
    this.#isSent &&= state !== "reconnecting";
    if (this.state !== state && this.#options.onState) tell(this.#options.onState, state, problem);
    this.state = state;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Wait until there is another frame or another state. */
  #news() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Count one more attempt that has failed. While there is no network, none counts. Throws where there were enough. */
  #miss(misses, problem) {
    if (!isOffline()) misses++;
    if (misses > this.#client.tries) throw Object.assign(problem ?? makeUnreachable(this.#client.language), { gaveUp: true });
    return misses;
  }

  /** The platform says when there is a network again, so that nothing is tried often without one. */
  #pauseAfter(misses) {
    if (isOffline()) return LONGEST_PAUSE_MS;
    return jitter(Math.min(this.#client.pause * GROWTH ** Math.max(misses - 1, 0), LONGEST_PAUSE_MS));
  }
}

/** Chance keeps readers from coming all at once. */
function jitter(milliseconds) {
  return milliseconds * (1 + Math.random() / 2);
}

/** Call a function of the site's. What it throws is the site's, and not a problem of the connection. */
function tell(listener, ...news) {
  Promise.resolve().then(() => listener(...news));
}
