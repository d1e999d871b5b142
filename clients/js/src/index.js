/** This module is the client of qa-service for JavaScript: browsers, Node, Deno and React Native. */

import { Answer } from "./answer.js";
import { readProblem } from "./problem.js";
import { readText, send } from "./sending.js";

export { createParser } from "./events.js";
export { Answer } from "./answer.js";
export { Problem } from "./problem.js";

const STREAM = "text/event-stream";

/**
 * Make a client for the service at `url`, the address of its API.
 *
 * `token` is a function that gives the credential to send, or a promise of it. After a 401 it is called once more with
 * `{ again: true }`, so that it can fetch a fresh one. `storage`, such as `sessionStorage`, keeps the id of an answer that is
 * being written, so that `pending` finds it after the page was loaded again. `silence` is for how many milliseconds a
 * connection may be silent, and `tries` how often in a row it may fail.
 */
export function createClient(options = {}) {
  return new Client(options);
}

class Client {
  #options;

  constructor({ url = "/api", token, headers = {}, credentials, language = "en", fetch, storage, silence = 45_000, tries = 10 }) {
    this.#options = { url: String(url).replace(/\/+$/, ""), token, headers, credentials, fetch, storage };
    this.language = language;
    this.silence = silence;
    this.tries = tries;
  }

  /**
   * Ask a question. Takes the fields of the service's contract (`question`, `sessionId`, `files`, `topic`, …), and `signal`,
   * `onUpload` (called with the share of the files that was sent, from 0 to 1), `onState` (called with each new state) and
   * `key` (the idempotency key; by default one that nobody guesses). Returns an `Answer`.
   */
  ask({ signal, onUpload, onState, key = makeKey(), ...fields }) {
    const headers = { "Idempotency-Key": key };
    const form = fields.files?.length > 0;
    if (!form) headers["Content-Type"] = "application/json";
    const body = () => (form ? writeForm(fields) : JSON.stringify(fields));
    return this.#follow({ signal, onState, request: { body, headers, onUpload } });
  }

  /** Follow an answer that was asked for elsewhere or before, from its beginning, or behind the frame `after`. */
  follow(answerId, { after, signal, onState } = {}) {
    return this.#follow({ answerId, after, signal, onState });
  }

  /** The answer that is being written in this conversation, as `storage` knows it, or null. */
  pending(sessionId, options) {
    const answerId = this.#options.storage?.getItem(this.#placeOf(sessionId));
    return answerId ? this.follow(answerId, options) : null;
  }

  /** Send a request to a path of the API, and return the JSON of its response (undefined where there is none). */
  async json(path, { method = "GET", body, headers, signal } = {}) {
    const isPlain = body !== undefined && !(typeof FormData !== "undefined" && body instanceof FormData);
    const response = await this.open(path, {
      method,
      body: isPlain ? JSON.stringify(body) : body,
      headers: { Accept: "application/json", ...(isPlain && { "Content-Type": "application/json" }), ...headers },
      signal,
    });
    const text = await readText(response);
    if (!text) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw readProblem({ ...response, type: "text/html" }, text, this.language);
    }
  }

  /** Send a request to a path of the API. Returns the response as `send` does, and throws a `Problem` for an error. */
  async open(path, { headers, ...request }) {
    for (let again = false; ; again = true) {
      const credential = await this.#options.token?.({ again });
      const response = await send(`${this.#options.url}/${path}`, {
        ...request,
        fetch: this.#options.fetch,
        credentials: this.#options.credentials,
        language: this.language,
        headers: {
          Accept: STREAM,
          "Accept-Language": this.language,
          ...this.#options.headers,
          ...(credential && { Authorization: `Bearer ${credential}` }),
          ...headers,
        },
      });
      const isPage = /html/i.test(response.type);
      if (response.status < 300 && !isPage) return response;
      const text = await readText(response);
      if (response.status !== 401 || again || !this.#options.token) throw readProblem(response, text, this.language);
    }
  }

  #follow(options) {
    return new Answer(this, { ...options, remember: (answer, frame) => this.#remember(answer, frame) });
  }

  /** Each conversation has a place of its own, so that two of them never share an answer. */
  #placeOf(sessionId) {
    return `qa-service ${this.#options.url} ${sessionId}`;
  }

  #remember({ id, sessionId }, { type }) {
    const { storage } = this.#options;
    if (type === "start") storage?.setItem(this.#placeOf(sessionId), id);
    if (type === "done") storage?.removeItem(this.#placeOf(sessionId));
  }
}

function writeForm({ files, ...fields }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null) form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  for (const file of files) form.append("files", ...(file.name && file instanceof Blob ? [file, file.name] : [file]));
  return form;
}

function makeKey() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
