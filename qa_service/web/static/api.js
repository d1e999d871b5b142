/** This module is the way to the service: the client that other sites install, in the language of this page. */

import { createClient } from "qa-service-client";
import { language, words } from "./words.js";

/** A page that somebody looks at comes back sooner than a program has to. This many attempts take some three minutes. */
const PATIENCE = { silence: 24_000, pause: 500, tries: 12 };

/** A site's function may let somebody sign in meanwhile, but one that doesn't answer at all must not keep a person waiting. */
const TOKEN_MS = 20_000;

/** A request that failed, in words for the person who made it. */
export class Problem extends Error {
  constructor({ code = "internal", userMessage, retryable = false, retryAfter = null, status = 0 }) {
    super(userMessage || words("problem"));
    Object.assign(this, { code, retryable, retryAfter, status });
  }
}

/**
 * The service below an address. `credential({ fresh })` gives the key or the token that a request carries, or an empty
 * string. It may be a promise. `fresh` says that the service has just refused the one that was given before.
 */
export class Service {
  constructor({ address, credential }) {
    this.base = new URL(`${address.replace(/\/$/, "")}/`, document.baseURI);
    const token = async ({ again }) => writeCredential(await takeCredential(credential, { fresh: again }));
    this.client = createClient({ url: this.base.href, token, retry: isTemporary, ...PATIENCE });
  }

  /** Send one request, and return the JSON of the response. Throws a `Problem` for a refusal. */
  async fetchJson(path, options) {
    this.client.language = language();
    return this.client.json(path, options).catch((error) => {
      throw inOwnWords(error);
    });
  }

  /**
   * Return the client's `Answer`. With `answerId` it is read from its beginning. With `fields` it is asked for, and sent
   * again with the same `key` until the answer's id is known. `onState` is told when the connection is lost and found.
   */
  follow({ answerId, fields, key }, { signal, onState }) {
    this.client.language = language();
    return answerId ? this.client.follow(answerId, { signal, onState }) : this.client.ask({ ...fields, key, signal, onState });
  }

  /** The address for a path of the API, or for an address from a frame. */
  resolve(path) {
    return new URL(path, this.base).href;
  }
}

/** Whether waiting may help. A question that was refused is not sent again, and an answer that has begun is waited for. */
function isTemporary({ code, retryable }, { id }) {
  return retryable && (Boolean(id) || code === "network");
}

/**
 * A site's function that fails, or gives what is no token, is the site's matter, and its words are for no visitor. It may
 * work a little later.
 */
async function takeCredential(credential, wish) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("token: no answer")), TOKEN_MS));
  try {
    const given = (await Promise.race([credential(wish), late])) || "";
    if (typeof given === "string") return given;
    throw new TypeError(`token: expected a text, got ${typeof given}`);
  } catch (error) {
    reportError(error);
    throw new Problem({ code: "network", userMessage: words("network"), retryable: true });
  }
}

/** No key has other characters than these, and a header can't hold them: the server refuses the rest, and the page asks again. */
function writeCredential(key) {
  return key.replace(/[^!-~]/g, "?");
}

/** Return the client's problem in the words of the page, and anything else as it is. */
export function inOwnWords(error) {
  if (error.name !== "Problem") return error;
  return new Problem({ ...error, userMessage: error.code === "network" ? words("network") : error.userMessage });
}
