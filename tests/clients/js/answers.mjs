// What an answer promises over bad connections, against a service of this process.
import assert from "node:assert/strict";
import { createClient } from "qa-service-client";
import { caught, DONE, openService, problem, sleep, START, TEXT, until, WHOLE, write } from "./service.mjs";

const QUICK = { pause: 10, language: "ko" };
const first = (count) => write(WHOLE.slice(0, count));
const rest = (seen) => write(WHOLE.slice(seen), seen + 1);
const seenBy = ({ url }) => Number(new URL(url, "http://x").searchParams.get("after"));
const isAsk = ({ url }) => url === "/api/ask";

/** A check with a service that answers so, and a client of it. */
const withService = (answer, check, options = {}) => async () => {
  const service = await openService(answer);
  try {
    await check(createClient({ url: service.url, ...QUICK, ...options }), service);
  } finally {
    service.close();
  }
};

/** Cuts each connection after a few frames. */
const cutting = (count) => (request) => {
  const seen = isAsk(request) ? 0 : seenBy(request);
  const body = write(WHOLE.slice(seen, seen + count), seen + 1);
  return { body, end: seen + count < WHOLE.length ? "cut" : "end" };
};

async function withGlobals(values, act) {
  const before = Object.entries(values).map(([name]) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(values)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    return await act();
  } finally {
    for (const [name, old] of before) {
      if (old) Object.defineProperty(globalThis, name, old);
      else delete globalThis[name];
    }
  }
}

export default {
  "frames come in their order, and several loops get all of them": withService(
    () => ({ body: write(WHOLE) }),
    async (client, { requests }) => {
      const answer = client.ask({ question: "보증?" });
      assert.equal(answer.state, "new");
      const read = async () => {
        const types = [];
        for await (const { type } of answer) types.push(type);
        return types;
      };
      const [one, other, text] = await Promise.all([read(), read(), answer.text()]);
      assert.deepEqual(one, WHOLE.map(([type]) => type));
      assert.deepEqual(other, one);
      assert.deepEqual(await read(), one);
      assert.equal(text, TEXT);
      assert.deepEqual([answer.id, answer.sessionId, answer.state, requests.length], ["a1", "s1", "done", 1]);
    },
  ),

  "after a cut an answer goes on behind the last frame that came": withService(cutting(4), async (client, { requests }) => {
    const states = [];
    const answer = client.ask({ question: "보증?", onState: (state) => states.push(state) });
    assert.equal(await answer.text(), TEXT);
    assert.deepEqual(requests.slice(1).map(seenBy), [4, 8, 12, 16].filter((seen) => seen < WHOLE.length));
    assert.deepEqual(states.slice(0, 4), ["connecting", "streaming", "reconnecting", "streaming"]);
    assert.equal(states.at(-1), "done");
  }),

  "frames that come twice are given once": withService(
    (request) => (isAsk(request) ? { body: first(5), end: "cut" } : { body: write(WHOLE) }),
    async (client) => assert.equal(await client.ask({ question: "보증?" }).text(), TEXT),
  ),

  "a question that may not have arrived is sent again with its key": withService(
    (request, number) => (number < 3 ? void request.socket.resetAndDestroy() : { body: write(WHOLE) }),
    async (client, { requests }) => {
      await client.ask({ question: "하나" }).text();
      await client.ask({ question: "둘" }).text();
      const keys = requests.map(({ headers }) => headers["idempotency-key"]);
      assert.equal(new Set(keys.slice(0, 4)).size, 1);
      assert.notEqual(keys[4], keys[0]);
      assert.match(keys[0], /^[0-9a-f]{32}$/);
    },
  ),

  "pauses grow by half, and chance makes them longer": withService(
    (request) => void request.socket.resetAndDestroy(),
    async (client, { requests }) => {
      await caught(client.ask({ question: "?" }).text());
      const pauses = requests.slice(1).map(({ at }, number) => at - requests[number].at);
      for (const [number, pause] of pauses.entries()) assert.ok(pause >= 149 * 1.5 ** number, `pause ${number}: ${pause}`);
      assert.ok(pauses[0] < 149 * 1.5 ** 3, `the first pause: ${pauses[0]}`);
    },
    { tries: 4, pause: 150 },
  ),

  "a client gives up after some attempts in a row, and the same answer can be tried again": withService(
    (request, number) => (number < 3 ? void request.socket.resetAndDestroy() : { body: write(WHOLE) }),
    async (client, { requests }) => {
      const states = [];
      const answer = client.ask({ question: "?", onState: (state, problem) => states.push([state, problem?.code]) });
      const { code, userMessage } = await caught(answer.text());
      assert.equal(code, "network");
      assert.match(userMessage, /연결이 끊겼어요/);
      await sleep(0);
      assert.deepEqual(states.at(-1), ["gave up", "network"]);
      assert.equal(requests.length, 3);
      assert.equal(await answer.text(), TEXT);
      assert.equal(requests[3].headers["idempotency-key"], requests[0].headers["idempotency-key"]);
    },
    { tries: 2 },
  ),

  "new frames begin the count of attempts again": withService(cutting(2), async (client) => assert.equal(await client.ask({ question: "?" }).text(), TEXT), { tries: 1 }),

  "a connection that is silent is left, and one that only beats is kept": withService(
    async (request) => {
      if (!isAsk(request)) return { body: rest(5) };
      request.response.writeHead(200, { "Content-Type": "text/event-stream" });
      request.response.write(first(5));
      for (let beats = 0; beats < 4; beats++) {
        await sleep(150);
        request.response.write('data: {"type":"heartbeat","content":{}}\n\n');
      }
      return undefined;
    },
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      assert.equal(await answer.text(), TEXT);
      assert.ok(requests[1].at - requests[0].at > 600, "heartbeats count");
      await requests[0].gone;
    },
    { silence: 450 },
  ),

  "a request without an answer is silence, too": withService(
    (request, number) => [undefined, { body: first(5), end: "cut" }, undefined, { body: rest(5) }][number],
    async (client, { requests }) => {
      assert.equal(await client.ask({ question: "?" }).text(), TEXT);
      assert.equal(requests.length, 4);
    },
    { silence: 60 },
  ),

  "an upload without progress is no silence": withService(
    async () => (await sleep(150), { body: write(WHOLE) }),
    async (client, { requests }) => {
      assert.equal(await client.ask({ question: "?", files: [new File(["글"], "글.txt")] }).text(), TEXT);
      assert.equal(requests.length, 1);
    },
    { silence: 60 },
  ),

  "a service that asks for a wait gets it, also when the page is seen meanwhile": withService(
    (_, number) => (number ? { body: write(WHOLE) } : problem(429, { code: "rate_limited", message: "slow", retryable: true }, { "Retry-After": "1" })),
    async (client, { requests }) => {
      const told = [];
      const answer = client.ask({ question: "?", onState: (state, cause) => cause && told.push([state, cause.code, cause.retryAfter]) });
      setTimeout(() => document.dispatchEvent(new Event("visibilitychange")), 50);
      assert.equal(await answer.text(), TEXT);
      assert.ok(requests[1].at - requests[0].at >= 999);
      assert.deepEqual(told[0], ["reconnecting", "rate_limited", 1]);
    },
  ),

  "a wait that is given as a date is understood": withService(
    () => problem(503, { code: "draining", message: "later" }, { "Retry-After": new Date(Date.now() + 600_000).toUTCString() }),
    async (client, { requests }) => {
      const { retryAfter } = await caught(client.ask({ question: "?" }).text());
      assert.ok(retryAfter > 590 && retryAfter <= 600, String(retryAfter));
      assert.equal(requests.length, 1, "nobody is kept waiting for ten minutes");
    },
  ),

  "without a network no attempt counts, and the network's return ends the pause": withService(
    (request, number) => (number < 1 ? void request.socket.resetAndDestroy() : { body: write(WHOLE) }),
    (client) =>
      withGlobals({ navigator: { onLine: false } }, async () => {
        const answer = client.ask({ question: "?" });
        const text = answer.text();
        await until(() => answer.state === "reconnecting", "the connection was lost");
        globalThis.dispatchEvent(new Event("online"));
        assert.equal(await text, TEXT);
      }),
    { tries: 0 },
  ),

  "a page that was frozen leaves its old connection when it is seen again": withService(
    (request) => (isAsk(request) ? { body: first(6), end: "hang" } : { body: rest(6) }),
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const text = answer.text();
      await until(() => answer.state === "streaming", "it streams");
      await sleep(20);
      document.dispatchEvent(new Event("visibilitychange"));
      await sleep(50);
      assert.equal(requests.length, 1, "a connection that has just spoken is kept");
      const now = Date.now;
      Date.now = () => now() + 3_600_000;
      document.dispatchEvent(new Event("visibilitychange"));
      Date.now = now;
      assert.equal(await text, TEXT);
    },
  ),

  "a service that moves its answers is left and found again": withService(
    (request) => (isAsk(request) ? { body: first(3) + write([["reconnect", { reason: "drain", backoffMs: 80 }, null]]), end: "hang" } : { body: rest(3) }),
    async (client, { requests }) => {
      assert.equal(await client.ask({ question: "?" }).text(), TEXT);
      assert.ok(requests[1].at - requests[0].at >= 79);
    },
  ),

  "what came before a restart is void": withService(
    () => ({
      body: write([["start", START], ["text", "void"], ["reference", { n: 1 }], ["restart", { reason: "lost" }], ["text", "good"], ["more", 1], ["reference", { n: 2 }], DONE]),
    }),
    async (client) => {
      const { text, references, status } = await client.ask({ question: "?" }).answer();
      assert.deepEqual([text, references, status], ["good", [{ n: 2 }], "completed"]);
    },
  ),

  "an answer that failed throws its error as a text, and gives it as an answer": withService(
    () => ({
      body: write([["start", START], ["text", "반"], ["error", { code: "upstream_timeout", message: "slow", userMessage: "늦어요", retryable: true }], ["done", { status: "failed" }]]),
    }),
    async (client) => {
      const answer = client.ask({ question: "?" });
      const { text, error, status } = await answer.answer();
      assert.deepEqual([text, error.code, status], ["반", "upstream_timeout", "failed"]);
      assert.deepEqual([(await caught(answer.text())).userMessage], ["늦어요"]);
    },
  ),

  "a refusal is thrown as it was told, and not tried again": withService(
    () => problem(422, { code: "invalid_field", message: "topic: no", userMessage: "안 돼요", retryable: false, field: "topic" }),
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const error = await caught(answer.text());
      assert.deepEqual([error.name, error.code, error.status, error.field, error.userMessage], ["Problem", "invalid_field", 422, "topic", "안 돼요"]);
      assert.equal(answer.state, "failed");
      assert.equal(requests.length, 1);
    },
  ),

  "a refusal that a proxy has shortened to its code is still one": withService(
    () => problem(401, { code: "unauthenticated" }),
    async (client) => assert.equal((await caught(client.ask({ question: "?" }).text())).code, "unauthenticated"),
  ),

  "a busy conversation is told at once": withService(
    () => problem(409, { code: "busy", message: "busy", retryable: true }),
    async (client, { requests }) => {
      assert.equal((await caught(client.ask({ question: "?", onBusy: "reject" }).text())).code, "busy");
      assert.equal(requests.length, 1);
    },
  ),

  "a login page in place of an answer is named as such": withService(
    () => ({ type: "text/html; charset=utf-8", body: "<!doctype html><title>Login</title>" }),
    async (client, { requests }) => {
      const ways = [() => client.ask({ question: "?" }).text(), () => client.follow("a1").text(), () => client.json("config"), () => client.draw({ prompt: "?" }).next()];
      for (const asked of ways) {
        const error = await caught(asked());
        assert.equal(error.code, "not_the_service");
        assert.match(error.userMessage, /로그인 페이지나 오류 페이지/);
        assert.match(error.message, /\/api\/\S+ answered 200 with text\/html/);
        assert.doesNotMatch(error.message + error.userMessage, /Unexpected token/);
      }
      assert.equal(requests.length, 4, "it isn't tried again");
      client.language = "en";
      assert.match((await caught(client.json("config"))).userMessage, /login page or an error page/);
    },
  ),

  "a code that every object inherits is said in words for people": withService(
    () => problem(400, { code: "constructor", message: "?" }),
    async (client) => assert.match((await caught(client.json("config"))).userMessage, /문제가 생겼어요/),
  ),

  "a redirect leads neither the question nor a header to another site": withService(
    ({ headers }) => ({ status: 307, headers: { Location: `http://localhost:${headers.host.split(":")[1]}/elsewhere` } }),
    async (client, { requests }) => {
      const error = await caught(client.ask({ question: "secret" }).text());
      assert.deepEqual([error.code, requests.length], ["not_the_service", 1]);
    },
    { headers: { "X-Site": "secret" }, tries: 0 },
  ),

  "the number of a picture may be anything": withService(
    () => ({ body: write([["start", START], ...["__proto__", "length", -1, 4294967294, 1, 0].map((index) => ["image", { index }]), DONE]) }),
    async (client) => {
      const { images } = await client.ask({ question: "?" }).answer();
      assert.equal(images.length, 6);
    },
  ),

  "an error page of a proxy whose service is away is waited for": withService(
    (_, number) => (number ? { body: write(WHOLE) } : { status: 502, type: "text/html", body: "<h1>502 Bad Gateway</h1>" }),
    async (client) => assert.equal(await client.ask({ question: "?" }).text(), TEXT),
  ),

  "a proxy that refuses a large upload says that the files are too large": withService(
    () => ({ status: 413, type: "text/html", body: "<h1>413</h1>" }),
    async (client) => assert.match((await caught(client.ask({ question: "?", files: [new Blob(["a"])] }).text())).userMessage, /파일이 너무 커요/),
  ),

  "a text that isn't JSON is no broken JSON": withService(
    () => ({ type: "application/json", body: "oops" }),
    async (client) => assert.equal((await caught(client.json("config"))).code, "not_the_service"),
  ),

  "two conversations never share a stored answer": withService(
    (request) => {
      const id = isAsk(request) ? JSON.parse(request.body).sessionId : request.url.split("/")[3].replace("answer-", "");
      const head = write([["start", { answerId: `answer-${id}`, sessionId: id }], ["text", id]]);
      return isAsk(request) ? { body: head, end: "hang" } : { body: write([["text", " end"], DONE], 3) };
    },
    async (client) => {
      const answers = ["one", "two"].map((sessionId) => client.ask({ question: "?", sessionId })[Symbol.asyncIterator]());
      for (const frames of answers) for (const _ of "12") await frames.next();
      for (const sessionId of ["one", "two"]) {
        const found = await client.pending(sessionId, { after: 2 });
        assert.equal(found.id, `answer-${sessionId}`);
        assert.equal(await found.text(), " end");
      }
      assert.equal(await client.pending("three"), null);
      await Promise.all(answers.map((frames) => frames.return()));
    },
    { storage: storage() },
  ),

  "an answer that is over isn't stored any more": withService(
    () => ({ body: write(WHOLE) }),
    async (client) => {
      await client.ask({ question: "?" }).text();
      assert.equal(await client.pending("s1"), null);
    },
    { storage: storage() },
  ),

  "a storage that is full costs no answer": withService(
    () => ({ body: write(WHOLE) }),
    async (client) => assert.equal(await client.ask({ question: "?" }).text(), TEXT),
    { storage: { ...storage(), setItem: () => { throw new Error("QuotaExceededError"); } } },
  ),

  "stopping an answer keeps what there is": withService(
    ({ url }) => (url.endsWith("cancel") ? { type: "application/json", body: "{}" } : { body: first(4), end: "hang" }),
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const whole = answer.answer();
      await until(() => answer.id, "it has begun");
      await answer.cancel();
      assert.equal(requests[1].url, "/api/answers/a1/cancel");
      requests[0].response.end(write([["done", { status: "cancelled" }]], 5));
      assert.deepEqual([(await whole).text, (await whole).status], [TEXT.slice(0, 3), "cancelled"]);
      await answer.cancel();
      assert.equal(requests.length, 2, "an answer that is over isn't stopped");
    },
  ),

  "a stop that is lost is tried again": withService(
    (request, number) => {
      if (number === 0) return { body: first(4), end: "hang" };
      if (number < 3) return void request.socket.resetAndDestroy();
      return { type: "application/json", body: "{}" };
    },
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const frames = answer[Symbol.asyncIterator]();
      await frames.next();
      await answer.cancel();
      assert.equal(requests.length, 4);
      await frames.return();
    },
  ),

  "a question that is stopped before it has arrived isn't asked": withService(
    () => undefined,
    async (client, { requests }) => {
      const never = client.ask({ question: "?" });
      await never.cancel();
      assert.deepEqual([(await never.answer()).status, requests.length], ["cancelled", 0]);
      const answer = client.ask({ question: "?", files: [new Blob(["a"])] });
      const whole = answer.answer();
      await until(() => requests.length, "it was sent");
      await answer.cancel();
      assert.equal((await whole).status, "cancelled");
      await requests[0].gone;
    },
  ),

  "a question that was sent is stopped as soon as its answer has begun": withService(
    async ({ url }) => {
      if (url.endsWith("cancel")) return { type: "application/json", body: "{}" };
      await sleep(1_300);
      return { body: first(1), end: "hang" };
    },
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const whole = answer.answer();
      await until(() => requests.length, "it was sent");
      await answer.cancel();
      assert.deepEqual(requests.map(({ url }) => url), ["/api/ask", "/api/answers/a1/cancel"]);
      requests[0].response.end(write([["done", { status: "cancelled" }]], 2));
      assert.equal((await whole).status, "cancelled");
    },
  ),

  "a stop waits for an answer that never begins as long as a connection may be silent": withService(
    () => undefined,
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const types = [];
      const read = (async () => { for await (const { type } of answer) types.push(type); })();
      await until(() => requests.length, "it was sent");
      await Promise.all([answer.cancel(), answer.cancel(), read]);
      assert.deepEqual(types, ["done"]);
      await requests[0].gone;
    },
    { silence: 200 },
  ),

  "a question without a connection is not sent after its stop": withService(
    ({ socket }) => void socket.resetAndDestroy(),
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      const whole = answer.answer();
      await until(() => answer.state === "reconnecting", "the connection is lost");
      await answer.cancel();
      const sent = requests.length;
      assert.equal((await whole).status, "cancelled");
      await sleep(100);
      assert.equal(requests.length, sent);
    },
    { tries: 1_000 },
  ),

  "without a network no attempt to stop counts": withService(
    ({ socket }, number) => {
      if (number === 0) return { body: first(4), end: "hang" };
      return number === 1 ? void socket.resetAndDestroy() : { type: "application/json", body: "{}" };
    },
    (client, { requests }) =>
      withGlobals({ navigator: { onLine: false } }, async () => {
        const frames = client.ask({ question: "?" });
        const loop = frames[Symbol.asyncIterator]();
        await loop.next();
        const stopped = frames.cancel();
        const back = setInterval(() => globalThis.dispatchEvent(new Event("online")), 50);
        await stopped.finally(() => clearInterval(back));
        assert.equal(requests.length, 3);
        await loop.return();
      }),
    { tries: 0 },
  ),

  "a loop that is left closes its connection, and a later one goes on without asking again": withService(
    (request) => (isAsk(request) ? { body: first(3), end: "hang" } : { body: rest(seenBy(request)) }),
    async (client, { requests }) => {
      const answer = client.ask({ question: "?" });
      for await (const { type } of answer) if (type === "text") break;
      await requests[0].gone;
      assert.equal(await answer.text(), TEXT);
      assert.match(requests[1].url, /^\/api\/answers\/a1\/stream\?after=[23]$/);
      assert.equal(requests.length, 2);
    },
  ),

  "a signal ends the loop with its reason": withService(
    () => ({ body: first(3), end: "hang" }),
    async (client, { requests }) => {
      const given = new AbortController();
      const text = client.ask({ question: "?", signal: given.signal }).text();
      await until(() => requests.length, "it was asked");
      given.abort();
      assert.equal((await caught(text)).name, "AbortError");
      await requests[0].gone;
      assert.equal((await caught(client.ask({ question: "?", signal: given.signal }).text())).name, "AbortError");
      assert.equal(requests.length, 1);
    },
  ),

  "a signal ends the loop whatever its reason is": withService(
    () => ({ body: first(3), end: "hang" }),
    async (client, { requests }) => {
      for (const [number, reason] of ["", null, 0].entries()) {
        const given = new AbortController();
        const text = client.ask({ question: "?", signal: given.signal }).text();
        await until(() => requests.length > number, "it was asked");
        given.abort(reason);
        const late = sleep(1_000).then(() => ({ name: `hung with ${reason}` }));
        assert.equal((await Promise.race([caught(text), late])).name, "AbortError");
      }
    },
  ),

  "a signal that was aborted before ends a request whose token never comes": withService(
    () => ({ body: write(WHOLE) }),
    async (client, { requests }) => {
      const late = sleep(1_000).then(() => ({ name: "hung" }));
      const error = await Promise.race([caught(client.json("config", { signal: AbortSignal.abort() })), late]);
      assert.deepEqual([error.name, requests.length], ["AbortError", 0]);
    },
    { token: () => new Promise(() => {}) },
  ),

  "a listener of the site's that throws is no lost connection": withService(
    () => ({ body: write(WHOLE) }),
    async (client, { requests }) => {
      const thrown = new Promise((resolve) => process.once("unhandledRejection", resolve));
      const answer = client.ask({ question: "?", onState: (state) => { if (state === "done") throw new Error("the site's"); } });
      assert.equal(await answer.text(), TEXT);
      assert.equal((await thrown).message, "the site's");
      assert.equal(requests.length, 1);
    },
  ),
};

function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
}
