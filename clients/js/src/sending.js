/**
 * This module sends one request and gives its response as pieces of text, as they come. It uses `fetch`, and
 * XMLHttpRequest where `fetch` can't stream (React Native without `expo/fetch`), where the progress of an upload is
 * wanted, which `fetch` doesn't tell, and for an app's files `{ uri, name, type }`, which `expo/fetch` doesn't send.
 */

import { makeUnreachable } from "./problem.js";
import { reasonOf } from "./waking.js";

/**
 * Send a request. `fetch` is the one to use, or undefined for the platform's. `onUpload` is called with the share of the
 * body that was sent, from 0 to 1; without XMLHttpRequest it is only called at the end. `isNative` says that the body has
 * files of an app. Returns the response's `status`, `type` and `retryAfter` (seconds, or null), and its `pieces`. Throws a
 * `Problem` where there is no response, and what `signal` gives as its reason where it is aborted.
 */
export async function send(url, { fetch, onUpload, isNative, ...request }) {
  const byXhr = typeof XMLHttpRequest !== "undefined" && (onUpload || isNative || !(fetch || streamsByFetch()));
  const response = byXhr ? await sendByXhr(url, request, onUpload) : await sendByFetch(fetch || globalThis.fetch, url, request);
  onUpload?.(1);
  return { ...response, url, type: response.header("Content-Type") || "", retryAfter: readSeconds(response.header("Retry-After")) };
}

/** All pieces of a response as one text. */
export async function readText({ pieces }) {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

/** Whether the platform's own `fetch` gives the body of a response while it comes. */
function streamsByFetch() {
  return typeof Response !== "undefined" && "body" in Response.prototype;
}

/** A wait in seconds, which stands in the header as such or as a date. */
function readSeconds(header) {
  const seconds = isNaN(header ?? "-") ? (Date.parse(header) - Date.now()) / 1_000 : Number(header);
  return seconds >= 0 ? Math.ceil(seconds) : null;
}

async function sendByFetch(fetch, url, { language, ...request }) {
  const fail = (error) => {
    throw request.signal?.aborted ? error : makeUnreachable(language, error);
  };
  // A redirect would lead the question, and headers of the site's, to wherever it names. The service sends none.
  const response = await fetch(url, { redirect: "manual", ...request }).catch(fail);
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
  const arrived = createQueue(() => xhr.abort());
  let seen = 0;
  const take = () => {
    const piece = xhr.responseText.slice(seen);
    seen += piece.length;
    if (piece) arrived.push(piece);
  };
  const leave = () => xhr.abort();
  return new Promise((resolve, reject) => {
    const begin = () => {
      const isWanted = !isElsewhere(xhr, url);
      resolve({ status: isWanted && xhr.status, header: (name) => xhr.getResponseHeader(name), pieces: isWanted ? arrived.pieces() : [] });
      if (!isWanted) leave();
    };
    const fail = () => {
      const error = signal?.aborted ? reasonOf(signal) : makeUnreachable(language);
      arrived.end(error);
      reject(error);
    };
    if (signal?.aborted) return fail();
    xhr.open(method, url);
    xhr.withCredentials = credentials === "include";
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.onreadystatechange = () => {
      if (xhr.readyState === 2) begin();
      if (xhr.readyState === 3) take();
    };
    xhr.onprogress = take;
    xhr.onload = () => (take(), arrived.end());
    xhr.onerror = xhr.onabort = xhr.ontimeout = fail;
    xhr.onloadend = () => signal?.removeEventListener("abort", leave);
    if (onUpload) xhr.upload.onprogress = ({ loaded, total }) => total && onUpload(loaded / total);
    signal?.addEventListener("abort", leave);
    xhr.send(body ?? null);
  });
}

/** A browser's XMLHttpRequest always follows a redirect, so it is noticed only afterwards. */
function isElsewhere({ responseURL }, url) {
  return Boolean(globalThis.document && responseURL) && responseURL !== new URL(url, document.baseURI).href;
}

/** A queue between callbacks and a loop. `leave` is called when the loop is left. */
function createQueue(leave) {
  const waiting = [];
  let wakeLoop = () => {};
  let outcome;
  return {
    push: (piece) => (waiting.push(piece), wakeLoop()),
    end: (error) => ((outcome = { error }), wakeLoop()),
    async *pieces() {
      try {
        for (;;) {
          if (waiting.length) yield waiting.shift();
          else if (outcome?.error) throw outcome.error;
          else if (outcome) return;
          else await new Promise((resolve) => (wakeLoop = resolve));
        }
      } finally {
        leave();
      }
    },
  };
}
