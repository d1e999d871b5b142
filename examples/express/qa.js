// This passes what comes below /api on to qa-service, in the name of the site's own user. It must stand before anything
// that reads bodies, such as express.json(). It needs nothing but Node, so that other frameworks can call it, too.

import http from "node:http";
import https from "node:https";
import { pipeline } from "node:stream";
import { addressOf, userOf } from "./login.js";

const SERVICE = process.env.QA_URL ?? "http://127.0.0.1:8000/api";
const KEY = process.env.QA_KEY;

// What isn't listed stays here: the site's cookies, and whatever a browser says of who it is.
const SENT = ["accept", "accept-language", "content-length", "content-type", "idempotency-key", "if-none-match",
  "last-event-id", "x-session-id"];
const RETURNED = ["allow", "cache-control", "content-disposition", "content-encoding", "content-length",
  "content-security-policy", "content-type", "etag", "referrer-policy", "retry-after", "vary", "x-accel-buffering",
  "x-answer-id", "x-content-type-options", "x-request-id", "x-session-id", "x-vercel-ai-data-stream",
  "x-vercel-ai-ui-message-stream"];
// These are for the site's own server: a token outlives the login that it was made for, and the figures are of everybody.
const KEPT = /\/(tokens|metrics)\/*$/;
const ASKING = /\/(ask|images|probe)\/*$/;

export async function passOn(request, response) {
  const { target, prefix } = targetOf(request.originalUrl ?? request.url);
  if (!target) return refuse(request, response, 404, "not_found");
  if (isForeign(request, target)) return refuse(request, response, 403, "forbidden_origin");
  const headers = { ...listed(request.headers, SENT), ...(await identity(request, prefix)) };
  if (response.destroyed) return; // Whoever asked has hung up meanwhile.
  // Without this, Node sends such a body behind a GET or a DELETE as if it were a request of its own.
  if ("transfer-encoding" in request.headers) headers["transfer-encoding"] = "chunked";
  const { request: open } = target.protocol === "https:" ? https : http;
  const passed = open(target, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, listed(answer.headers, RETURNED));
    response.flushHeaders();
    pipeline(answer, response, () => {}); // Where one of them breaks off, the other does, too.
  });
  passed.on("error", (error) => {
    if (response.headersSent || response.destroyed) return;
    console.error("qa-service can't be reached:", error);
    refuse(request, response, 502, "upstream_unavailable");
  });
  // The service learns at once when the browser hangs up.
  response.on("close", () => passed.destroy());
  request.pipe(passed);
}

// What stands in front of /api is the prefix, below which browsers find the service.
function targetOf(address) {
  const [path, ...query] = address.split("?");
  const [prefix, ...rest] = path.split("/api/");
  const target = new URL(`${SERVICE}/${rest.join("/api/")}`);
  target.search = query.join("?");
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
function isForeign({ method, headers }, target) {
  if (["GET", "HEAD"].includes(method) && !ASKING.test(decoded(target.pathname))) return false;
  const from = headers["sec-fetch-site"];
  if (from) return !["same-origin", "none"].includes(from);
  if (headers.origin) return headers.origin.split("//")[1] !== headers.host;
  return method === "GET"; // Browsers that send neither header would send one of them with anything else.
}

// A visitor who isn't logged in is passed on without a key: whether visitors may ask is a setting of the service.
async function identity(request, prefix) {
  const user = await userOf(request);
  return {
    "x-forwarded-for": addressOf(request),
    "x-forwarded-prefix": prefix,
    ...(user ? { authorization: `Bearer ${KEY}`, "x-user-id": encodeURIComponent(user) } : {}),
  };
}

function listed(headers, names) {
  return Object.fromEntries(names.filter((name) => name in headers).map((name) => [name, headers[name]]));
}

const WORDS = {
  not_found: ["There is nothing here.", "여기에는 아무것도 없어요."],
  forbidden_origin: ["This request comes from another site.", "다른 사이트에서 온 요청이에요."],
  upstream_unavailable: ["The answers can't be reached. Please try again in a moment.",
    "답변 서비스에 연결할 수 없어요. 잠시 뒤에 다시 시도해 주세요."],
};

// The service's own refusals have this form, too.
function refuse(request, response, status, code) {
  const [english, korean] = WORDS[code];
  const userMessage = request.headers["accept-language"]?.startsWith("ko") ? korean : english;
  const problem = { type: "about:blank", status, code, detail: english, message: english, userMessage, retryable: status === 502 };
  response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
}
