/** This module has the one class of errors, and makes one of whatever a server or a network answers. */

const SENTENCES = {
  en: {
    __proto__: null,
    network: "The connection was lost. Please try again.",
    not_the_service: "A login page or an error page came instead of an answer. Please sign in again, or try again later.",
    too_large: "The files are too large.",
    internal: "Something went wrong. Please try again.",
  },
  ko: {
    __proto__: null,
    network: "연결이 끊겼어요. 다시 시도해 주세요.",
    not_the_service: "답변 대신 로그인 페이지나 오류 페이지가 왔어요. 다시 로그인하거나 잠시 후 다시 시도해 주세요.",
    too_large: "파일이 너무 커요.",
    internal: "문제가 생겼어요. 다시 시도해 주세요.",
  },
};
const AWAY = new Set([408, 429, 502, 503, 504]);

/**
 * A request that failed. `code` is the service's (its docs list them), or `network` where nothing came, or
 * `not_the_service` where something else than the service answered, such as a login page. `message` is for developers and
 * `userMessage` for the person who asked. `retryAfter` is in seconds, or null. `status` is that of HTTP, or 0. `field` names
 * the field that the service refused.
 */
export class Problem extends Error {
  constructor({ code = "internal", message, userMessage, retryable = false, retryAfter = null, status = 0, field, language, cause } = {}) {
    super(message || code, cause && { cause });
    this.name = "Problem";
    const known = SENTENCES[language] || SENTENCES.en;
    Object.assign(this, { code, retryable, retryAfter, status, field, userMessage: userMessage || known[code] || known.internal });
  }
}

/** The problem of a request that got no response, or one that broke off. Nobody knows whether it arrived. */
export function makeUnreachable(language, cause) {
  return new Problem({ code: "network", message: cause?.message, retryable: true, language, cause });
}

/** The problem that a response tells, whose body is `text`. */
export function readProblem({ url, status, retryAfter, type }, text, language) {
  const told = readFields(text);
  const retryable = told?.retryable ?? AWAY.has(status);
  if (told && status >= 300) return new Problem({ ...told, retryable, retryAfter: told.retryAfter ?? retryAfter, status, language });
  // Proxies and logins answer with pages of their own. Some of their statuses say that the service is away for the moment.
  const code = status === 413 ? "too_large" : "not_the_service";
  const message = `${url} answered ${status} with ${type || "no type"}, which isn't from the service`;
  return new Problem({ code, message, retryable, retryAfter, status, language });
}

/** The fields of a refusal of the service, or null. The routes for images name them otherwise. */
function readFields(text) {
  try {
    const fields = JSON.parse(text);
    const message = fields.message ?? fields.details ?? fields.error;
    return typeof (message ?? fields.code) === "string" ? { ...fields, message } : null;
  } catch {
    return null;
  }
}
