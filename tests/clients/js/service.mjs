// A service of this process, which answers as a check tells it, byte for byte, and remembers what it was asked.
import http from "node:http";

export const START = { answerId: "a1", sessionId: "s1" };
export const TEXT = "보증 기간은 24개월이에요.";
export const DONE = ["done", { status: "completed" }];

/** The bytes of frames. The first one has the number `from`; a frame without a number has `null` for a third part. */
export function write(frames, from = 1) {
  const events = frames.map(([type, content, seq = from++]) => JSON.stringify(seq === null ? { type, content } : { seq, type, content }));
  return events.map((event) => `data: ${event}\n\n`).join("");
}

/** The frames of a whole answer, whose text comes in pieces of one character. */
export const WHOLE = [["start", START], ...[...TEXT].map((piece) => ["text", piece]), DONE];

/**
 * Open a service. `answer` gets each request, with its `body`, and its number, counted from 0. It returns what `reply`
 * takes, or undefined where it has answered by itself.
 */
export async function openService(answer) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    const pieces = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return;
    }
    request.body = Buffer.concat(pieces).toString();
    request.at = performance.now();
    const gone = new Promise((resolve) => response.on("close", resolve));
    const number = requests.push(Object.assign(request, { gone, response })) - 1;
    const told = await answer(request, number);
    if (told) reply(response, told);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => (server.close(), server.closeAllConnections());
  return { origin, url: `${origin}/api`, requests, close };
}

/** Send a response. `end` is how it goes on behind its body: `end`, `cut` (the connection breaks) or `hang`. */
export function reply(response, { status = 200, type = "text/event-stream", headers = {}, body = "", end = "end" }) {
  response.writeHead(status, { "Content-Type": type, ...headers });
  if (end === "end") return response.end(body);
  response.write(body || " ", () => end === "cut" && setTimeout(() => response.destroy(), 5));
}

export const problem = (status, fields, headers = {}) => ({ status, type: "application/problem+json", headers, body: JSON.stringify(fields) });

export async function until(holds, what) {
  for (let tries = 0; tries < 500; tries++) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`never came: ${what}`);
}

export const sleep = (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds));

export async function caught(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
