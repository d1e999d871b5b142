/** This module has the one class of errors, and makes one of whatever a server or a network answers. */

const SENTENCES = {
  en: {
    network: "The connection was lost. Please try again.",
    not_the_service: "A web page came where an answer was expected. Perhaps you have to sign in again.",
    internal: "Something went wrong. Please try again.",
  },
  ko: {
    network: "연결이 끊겼습니다. 다시 시도해 주세요.",
    not_the_service: "답변이 올 자리에 웹 페이지가 왔습니다. 다시 로그인해야 할 수 있습니다.",
    internal: "문제가 생겼습니다. 다시 시도해 주세요.",
  },
};

/**
 * A request that failed. `code` is the service's (its docs list them), or `network` where nothing came, or
 * `not_the_service` where a web page came, such as a login page. `userMessage` is for the person who asked. `retryAfter`
 * is in seconds, or null. `status` is that of HTTP, or 0.
 */
export class Problem extends Error {
  constructor({ code = "internal", message, userMessage, retryable = false, retryAfter = null, status = 0, language = "en" } = {}) {
    super(message || code);
    this.name = "Problem";
    const known = SENTENCES[language] || SENTENCES.en;
    Object.assign(this, { code, retryable, retryAfter, status, userMessage: userMessage || known[code] || known.internal });
  }
}

/** The problem of a request that got no response, or one that broke off. Nobody knows whether it arrived. */
export function makeUnreachable(language) {
  return new Problem({ code: "network", retryable: true, language });
}

/** The problem that a response tells, whose body is `text`. */
export function readProblem({ status, retryAfter, type }, text, language) {
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    if (/html/i.test(type)) return new Problem({ code: "not_the_service", status, language });
  }
  // A proxy's own answer has no fields. From 502 on it says that the service is away for the moment.
  const retryable = told.retryable ?? status >= 502;
  return new Problem({ ...told, retryable, retryAfter: told.retryAfter ?? retryAfter, status, language });
}
