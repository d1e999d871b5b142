/** This module sends all requests to the service. Whatever goes wrong becomes a `Problem`. */

import { language, words } from "./words.js";

/** A request that failed, in words for the person who made it. */
export class Problem extends Error {
  constructor({ code = "internal", userMessage, retryable = false, retryAfter = null, status = 0 }) {
    super(userMessage || words("problem"));
    Object.assign(this, { code, retryable, retryAfter, status });
  }
}

/** The problem of a request that got no response, or one that broke off. Nobody knows whether it arrived. */
export function unreachable() {
  return new Problem({ code: "network", userMessage: words("network"), retryable: true });
}

/**
 * The service below an address. `credential({ fresh })` gives the key or the token that a request carries, or an empty
 * string. It may be a promise. `fresh` says that the service has just refused the one that was given before.
 */
export class Service {
  constructor({ address, credential }) {
    this.base = new URL(`${address.replace(/\/$/, "")}/`, document.baseURI);
    this.credential = credential;
  }

  /** Send one request. Returns a successful response, and throws a `Problem` for any other. */
  async call(path, options = {}) {
    const given = await this.#credentialOf({ fresh: false });
    let response = await this.#send(path, options, given);
    if (response.status === 401) {
      const fresh = await this.#credentialOf({ fresh: true });
      if (fresh !== given) response = await this.#send(path, options, fresh);
    }
    if (!response.ok) throw await problemOf(response);
    if (isWebPage(response)) throw new Problem({ code: "not_the_service", userMessage: words("notTheService") });
    return response;
  }

  /** Send one request, and return the JSON of the response. */
  async fetchJson(path, options) {
    return (await this.call(path, options)).json();
  }

  /** The address for a path of the API, or for an address from a frame. */
  resolve(path) {
    return new URL(path, this.base).href;
  }

  /** A site's function that fails is the site's matter, and its words are for no visitor. It may work a little later. */
  async #credentialOf(wish) {
    try {
      return await this.credential(wish);
    } catch (error) {
      reportError(error);
      throw unreachable();
    }
  }

  #send(path, { method = "GET", body, headers = {}, signal, keepalive, accept = "application/json" }, credential) {
    return fetch(this.#own(path), {
      method,
      body,
      signal,
      keepalive,
      headers: { Accept: accept, "Accept-Language": language(), ...authorization(credential), ...headers },
    }).catch((error) => {
      if (signal?.aborted) throw error;
      throw unreachable();
    });
  }

  /** Like `resolve`, but for the service's own host alone, since no other may ever get the key. */
  #own(path) {
    const address = this.resolve(path);
    if (new URL(address).origin !== this.base.origin) throw new Problem({ code: "not_found" });
    return address;
  }
}

/** No key has other characters than these, and a header can't hold them: the server refuses the rest, and the page asks again. */
function authorization(credential) {
  const key = (credential ?? "").replace(/[^!-~]/g, "?");
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** A site whose login has ended sends its login page, with a status that says that all is well. 204 has no content. */
function isWebPage(response) {
  return response.status !== 204 && /^text\/html\b/.test(response.headers.get("Content-Type") ?? "");
}

async function problemOf(response) {
  const fields = await response.json().catch(() => ({}));
  const retryable = fields.retryable ?? response.status >= 502;
  return new Problem({ ...fields, retryable, status: response.status });
}
