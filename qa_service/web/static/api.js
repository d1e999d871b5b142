/** This module sends all requests to the service. Whatever goes wrong becomes a `Problem`. */

import { currentKey } from "./key.js";
import { language, words } from "./words.js";

/** The path under which the API is mounted, as the server wrote it into the page. */
export const PREFIX = document.querySelector('meta[name="qa-prefix"]').content.replace(/\/$/, "");

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

/** Send one request. Returns a successful response, and throws a `Problem` for any other. */
export async function call(path, { method = "GET", body, headers = {}, signal, accept = "application/json" } = {}) {
  const response = await fetch(addressOf(path), {
    method,
    body,
    signal,
    headers: { Accept: accept, "Accept-Language": language(), ...credential(), ...headers },
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw unreachable();
  });
  if (response.ok) return response;
  throw await problemOf(response);
}

/** Send one request, and return the JSON of the response. */
export async function fetchJson(path, options) {
  return (await call(path, options)).json();
}

/** The address for a path of the API, or for an address from a frame. The key is never sent to another host. */
function addressOf(path) {
  const address = new URL(path.startsWith("/") ? path : `${PREFIX}/${path}`, location.origin);
  if (address.origin !== location.origin) throw new Problem({ code: "not_found" });
  return address.href;
}

/** No key has other characters than these, and a header can't hold them: the server refuses the rest, and the page asks again. */
function credential() {
  const key = currentKey().replace(/[^!-~]/g, "?");
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function problemOf(response) {
  const fields = await response.json().catch(() => ({}));
  const retryable = fields.retryable ?? response.status >= 502;
  return new Problem({ ...fields, retryable, status: response.status });
}
