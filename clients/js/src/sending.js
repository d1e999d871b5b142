/**
 * This module sends one request and gives its response as pieces of text, as they come. It uses `fetch`, and
 * XMLHttpRequest where `fetch` can't stream (React Native without `expo/fetch`) or where the progress of an upload is
 * wanted, which `fetch` doesn't tell.
 */

import { makeUnreachable } from "./problem.js";

/** Whether the platform's own `fetch` gives the body of a response while it comes. */
const STREAMS = typeof Response !== "undefined" && "body" in Response.prototype;

/**
 * Send a request. `fetch` is the one to use, or undefined for the platform's. `onUpload` is called with the share of the
 * body that was sent, from 0 to 1. Returns the response's `status`, `type` and `retryAfter` (seconds, or null), and its
 * `pieces`. Throws a `Problem` where there is no response, and what `signal` gives as its reason where it is aborted.
 */
export async function send(url, { fetch: given, onUpload, ...request }) {
  const byXhr = typeof XMLHttpRequest !== "undefined" && (onUpload || !(given || STREAMS));
  const response = byXhr ? await sendByXhr(url, request, onUpload) : await sendByFetch(given || globalThis.fetch, url, request);
  const after = response.header("Retry-After");
  return { ...response, type: response.header("Content-Type") || "", retryAfter: after && !isNaN(after) ? Number(after) : null };
}

/** All pieces of a response as one text. */
export async function readText({ pieces }) {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

async function sendByFetch(fetch, url, { language, ...request }) {
  const fail = (error) => {
    throw request.signal?.aborted ? error : makeUnreachable(language);
  };
  const response = await fetch(url, request).catch(fail);
  return { status: response.status, header: (name) => response.headers.get(name), pieces: readBody(response, fail) };
}

async function* readBody(response, fail) {
  if (!response.body) return yield await response.text().catch(fail);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(fail);
      const piece = decoder.decode(value, { stream: !done });
      if (piece) yield piece;
      if (done) return;
    }
  } finally {
    // A reader that leaves closes the connection. There is none any more where it broke.
    reader.cancel().catch(() => {});
  }
}

function sendByXhr(url, { method = "GET", headers, body, signal, credentials, language }, onUpload) {
  const xhr = new XMLHttpRequest();
  const arrived = createQueue();
  let seen = 0;
  const take = () => {
    const piece = xhr.responseText.slice(seen);
    seen += piece.length;
    if (piece) arrived.push(piece);
  };
  return new Promise((resolve, reject) => {
    const fail = () => {
      const error = signal?.aborted ? signal.reason : makeUnreachable(language);
      arrived.fail(error);
      reject(error);
    };
    if (signal?.aborted) return fail();
    xhr.open(method, url);
    xhr.withCredentials = credentials === "include";
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.onreadystatechange = () => {
      if (xhr.readyState === 2) resolve({ status: xhr.status, header: (name) => xhr.getResponseHeader(name), pieces: arrived.pieces() });
      if (xhr.readyState === 3) take();
    };
    xhr.onprogress = take;
    xhr.onload = () => (take(), arrived.end());
    xhr.onerror = xhr.onabort = xhr.ontimeout = fail;
    if (onUpload && xhr.upload) xhr.upload.onprogress = ({ loaded, total }) => onUpload(total ? loaded / total : 0);
    const leave = () => xhr.abort();
    signal?.addEventListener("abort", leave, { once: true });
    arrived.onLeave = () => (signal?.removeEventListener("abort", leave), xhr.abort());
    xhr.send(body ?? null);
  });
}

/** A queue between callbacks and a loop. */
function createQueue() {
  const waiting = [];
  let wake = () => {};
  let state = {};
  const settle = (change) => {
    Object.assign(state, change);
    wake();
  };
  return {
    onLeave: () => {},
    push: (piece) => (waiting.push(piece), wake()),
    end: () => settle({ ended: true }),
    fail: (error) => settle({ error }),
    async *pieces() {
      try {
        for (;;) {
          if (waiting.length) yield waiting.shift();
          else if (state.error) throw state.error;
          else if (state.ended) return;
          else await new Promise((resolve) => (wake = resolve));
        }
      } finally {
        this.onLeave();
      }
    },
  };
}
