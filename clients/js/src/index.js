/** This module is the client of qa-service for JavaScript: browsers, Node, Deno, Bun and React Native. */

import { Answer } from "./answer.js";
import { readPictures } from "./images.js";
import { readProblem } from "./problem.js";
import { readText, send } from "./sending.js";
import { orAbort } from "./waking.js";

export { createParser } from "./events.js";
export { Answer } from "./answer.js";
export { Problem } from "./problem.js";
export { wake } from "./waking.js";

const STREAM = "text/event-stream";
const LINES = "application/jsonl";
const JSON_TYPE = "application/json";
/** Somebody who waits for an answer isn't kept waiting for longer by a service that asks for it. */
const LONGEST_WAIT_SECONDS = 120;

/** Make a client for the service at `url`, the address of its API. The types of the package describe all options. */
export function createClient(options) {
  return new Client(options);
}

class Client {
  #options;

  constructor({ url = "/api", language, silence = 45_000, tries = 10, pause = 1_000, retry = isTemporary, ...options } = {}) {
    this.#options = { ...options, url: String(url).replace(/\/+$/, "") };
    this.language = language || (globalThis.navigator?.language?.startsWith("ko") ? "ko" : "en");
    Object.assign(this, { silence, tries, pause, retry });
  }

  /**
   * Ask a question. Takes the fields of the service's contract (`question`, `sessionId`, `files`, `topic`, …), and `signal`,
   * `onUpload`, `onState` and `key` (the idempotency key; by default one that nobody guesses). Returns an `Answer`.
   */
  ask({ signal, onUpload, onState, key = makeKey(), files = [], ...fields }) {
    const isUpload = files.length > 0;
    const body = isUpload ? writeForm(fields, files) : JSON.stringify(fields);
    const headers = { "Idempotency-Key": key, ...(!isUpload && { "Content-Type": JSON_TYPE }) };
    const isNative = Array.from(files).some(({ uri, bytes }) => uri && !bytes);
    return this.#follow({ signal, onState, request: { body, headers, isUpload, isNative, onUpload } });
  }

  /** Follow an answer that was asked for elsewhere or before, from its beginning, or behind the frame `after`. */
  follow(answerId, { after, signal, onState } = {}) {
    return this.#follow({ answerId, after, signal, onState });
  }

  /** The answer that is being written in this conversation, as `storage` knows it, or null. */
  async pending(sessionId, options) {
    const answerId = await this.#options.storage?.getItem(this.#placeOf(sessionId));
    return answerId ? this.follow(answerId, options) : null;
  }

  /** Have pictures drawn. Gives the objects of the contract, the last of which has the status `completed`. */
  async *draw({ signal, ...fields }) {
    const request = { method: "POST", body: JSON.stringify(fields), headers: { "Content-Type": JSON_TYPE }, signal };
    yield* readPictures(await this.open("images", { ...request, accept: LINES }), this.language);
  }

  /**
   * Send a request to a path of the API, and return the JSON of its response (undefined where there is none). An object or
   * a list is sent as JSON, and any other body as `fetch` takes it.
   */
  async json(path, { body, headers, ...request } = {}) {
    const isPlain = Array.isArray(body) || body?.constructor === Object;
    const response = await this.open(path, {
      ...request,
      body: isPlain ? JSON.stringify(body) : body,
      headers: { ...(isPlain && { "Content-Type": JSON_TYPE }), ...headers },
      accept: JSON_TYPE,
    });
    const text = await readText(response);
    try {
      return text ? JSON.parse(text) : undefined;
    } catch {
      throw readProblem(response, "", this.language);
    }
  }

  /**
   * Send a request to a path of the API, or to a path of the same site that came in a frame. Returns the response's
   * `status`, `type` and `pieces` of text. `onSend` is called when there is a token, and the request goes out. Throws a
   * `Problem` for a refusal, and for what isn't of the type `accept`.
   */
  async open(path, { headers, accept = STREAM, onSend, ...request } = {}) {
    const { token, fetch, credentials, headers: usual } = this.#options;
    for (let problem, before; ; ) {
      const credential = token && (await orAbort(token({ again: Boolean(problem) }), request.signal));
      if (problem && credential === before) throw problem;
      const authorization = credential && { Authorization: `Bearer ${credential}` };
      onSend?.();
      const response = await send(this.#addressOf(path), {
        ...request,
        fetch,
        credentials,
        language: this.language,
        headers: { Accept: accept, "Accept-Language": this.language, ...usual, ...authorization, ...headers },
      });
      const isWanted = response.status === 204 || !response.type || response.type.includes(accept.split("/")[1]);
      // Browsers tell of a redirect that isn't followed by the status 0.
      if (response.status && response.status < 300 && isWanted) return response;
      const refusal = readProblem(response, await readText(response), this.language);
      if (response.status !== 401 || problem || !token) throw refusal;
      problem = refusal;
      before = credential;
    }
  }

  /** The credential is never sent to another site: a path that names one is taken as a path of the API. */
  #addressOf(path) {
    const { url } = this.#options;
    if (/^\/(?![/\\\s])/.test(path)) return (/^\w+:\/\/[^/]+/.exec(url)?.[0] ?? "") + path;
    return `${url}/${path}`;
  }

  #follow(options) {
    return new Answer(this, { ...options, remember: (answer, frame) => this.#remember(answer, frame) });
  }

  /** Each conversation has a place of its own, so that two of them never share an answer. */
  #placeOf(sessionId) {
    return `qa-service ${this.#options.url} ${sessionId}`;
  }

  /** A storage that is full or forbidden is no reason to lose an answer. */
  async #remember({ id, sessionId }, { type }) {
    const { storage } = this.#options;
    try {
      if (type === "start") await storage?.setItem(this.#placeOf(sessionId), id);
      if (type === "done") await storage?.removeItem(this.#placeOf(sessionId));
    } catch {
      // The answer is then not found again after the page was loaded again.
    }
  }
}

/** Whether it helps to wait. A busy conversation refuses only those who have asked not to wait for it (`onBusy`). */
function isTemporary({ retryable, code, retryAfter }) {
  return Boolean(retryable) && code !== "busy" && !(retryAfter > LONGEST_WAIT_SECONDS);
}

function writeForm(fields, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) form.append(name, writeField(value));
  // An app of React Native has `{ uri, name, type }` in place of a file.
  // Of several files with one name, sites of PHP keep the last, unless the name ends in [].
  for (const file of Array.from(files)) form.append("files[]", file);
  return form;
}

/** Forms have names with commas between them, and other lists as JSON. */
function writeField(value) {
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Platforms without `crypto` (React Native) have nothing better than `Math.random`. */
function makeKey() {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto?.getRandomValues) crypto.getRandomValues(bytes);
  else bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
