// This passes what comes below /api on to qa-service, in the name of the site's own user. It needs nothing but what the
// web platform has, so that it also runs where there is a Request and a Response and no Next.js.

import { userOf } from "../../../lib/login.js";

const SERVICE = process.env.QA_URL ?? "http://127.0.0.1:8000/api";
const KEY = process.env.QA_KEY;

// What isn't listed stays here: the site's cookies, and whatever a browser says of who it is.
const SENT = ["accept", "accept-language", "content-length", "content-type", "idempotency-key", "if-none-match",
  "last-event-id", "x-session-id"];
const RETURNED = ["allow", "cache-control", "content-disposition", "content-security-policy", "content-type", "etag",
  "referrer-policy", "retry-after", "vary", "x-accel-buffering", "x-answer-id", "x-content-type-options",
  "x-request-id", "x-session-id", "x-vercel-ai-data-stream", "x-vercel-ai-ui-message-stream"];
// These are for the site's own server: a token outlives the login that it was made for, and the figures are of everybody.
const KEPT = /\/(tokens|metrics)\/*$/;
const ASKING = /\/(ask|images|probe)\/*$/;

export const maxDuration = 620; // A platform that bounds functions reads this. No answer takes longer.
export { pass as GET, pass as POST, pass as PATCH, pass as DELETE };

async function pass(request) {
  const { target, prefix } = targetOf(new URL(request.url));
  if (!target) return problem(request, 404, "not_found");
  if (isForeign(request, target)) return problem(request, 403, "forbidden_origin");
  const headers = { ...listed(request.headers, SENT), ...(await identity(request, prefix)) };
  try {
    const { method, body, signal } = request;
    // The body is sent while it comes in, and the service learns at once when the browser hangs up.
    const answer = await fetch(target, { method, body, headers, signal, duplex: "half", redirect: "manual", cache: "no-store" });
    return new Response(answer.body, { status: answer.status, headers: listed(answer.headers, RETURNED) });
  } catch (error) {
    if (!request.signal.aborted) console.error("qa-service can't be reached:", error.cause ?? error);
    return problem(request, 502, "upstream_unavailable");
  }
}

// What stands in front of /api is the prefix, below which browsers find the service.
function targetOf(address) {
  const [prefix, ...rest] = address.pathname.split("/api/");
  const target = new URL(`${SERVICE}/${rest.join("/api/")}${address.search}`);
  const isOpen = target.href.startsWith(`${SERVICE}/`) && !KEPT.test(decoded(target.pathname));
  return { prefix, target: isOpen && target };
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

// A page of any other site can make a browser send a request, and the browser adds this site's cookies.
function isForeign(request, target) {
  if (["GET", "HEAD"].includes(request.method) && !ASKING.test(decoded(target.pathname))) return false;
  const from = request.headers.get("sec-fetch-site");
  if (from) return !["same-origin", "none"].includes(from);
  const origin = request.headers.get("origin");
  if (origin) return origin.split("//")[1] !== request.headers.get("host");
  return request.method === "GET"; // Browsers that send neither header would send one of them with anything else.
}

// A visitor who isn't logged in is passed on without a key: whether visitors may ask is a setting of the service.
async function identity(request, prefix) {
  const user = await userOf(request);
  const address = request.headers.get("x-forwarded-for")?.split(",").at(-1).trim() ?? "";
  return {
    "x-forwarded-for": address,
    "x-forwarded-prefix": prefix,
    ...(user ? { authorization: `Bearer ${KEY}`, "x-user-id": encodeURIComponent(user) } : {}),
  };
}

function listed(headers, names) {
  return Object.fromEntries(names.filter((name) => headers.has(name)).map((name) => [name, headers.get(name)]));
}

const WORDS = {
  not_found: ["There is nothing here.", "여기에는 아무것도 없어요."],
  forbidden_origin: ["This request comes from another site.", "다른 사이트에서 온 요청이에요."],
  upstream_unavailable: ["The answers can't be reached. Please try again in a moment.",
    "답변 서비스에 연결할 수 없어요. 잠시 뒤에 다시 시도해 주세요."],
};

// The service's own refusals have this form, too.
function problem(request, status, code) {
  const [english, korean] = WORDS[code];
  const userMessage = request.headers.get("accept-language")?.startsWith("ko") ? korean : english;
  const body = { type: "about:blank", status, code, detail: english, message: english, userMessage, retryable: status === 502 };
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/problem+json" } });
}
