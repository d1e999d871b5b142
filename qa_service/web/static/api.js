/** Calls to the service: one door for every request, one error for everything that goes wrong. */

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

/** No answer, or one that broke off: whether the request arrived isn't known. */
export function unreachable() {
  return new Problem({ code: "network", userMessage: words("network"), retryable: true });
}

/** Send one request. Answers the response of any success, throws a `Problem` for the rest. */
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

/** The JSON of a call. */
export async function fetchJson(path, options) {
  return (await call(path, options)).json();
}

/** A path of the API, or an address from a frame; a key is never sent to another host. */
function addressOf(path) {
  const address = new URL(path.startsWith("/") ? path : `${PREFIX}/${path}`, location.origin);
  if (address.origin !== location.origin) throw new Problem({ code: "not_found" });
  return address.href;
}

function credential() {
  const key = currentKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const retryable = told.retryable ?? response.status >= 502;
  return new Problem({ ...told, retryable, status: response.status });
}
