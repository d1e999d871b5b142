// The client where a platform is unlike a browser: credentials, uploads, XMLHttpRequest, pictures.
import assert from "node:assert/strict";
import { createClient, wake } from "qa-service-client";
import { caught, openService, problem, TEXT, until, WHOLE, write } from "./service.mjs";
import { XMLHttpRequest } from "./xhr.mjs";

const QUICK = { pause: 10, language: "ko" };

async function using(answer, check, options = {}) {
  const service = await openService(answer);
  try {
    await check(createClient({ url: service.url, ...QUICK, ...options }), service);
  } finally {
    service.close();
  }
}

/** Do something where these names aren't known, or are others. */
async function where(changes, act) {
  const before = changes.map(([owner, name]) => Object.getOwnPropertyDescriptor(owner, name));
  for (const [owner, name, value] of changes) Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  try {
    await act();
  } finally {
    for (const [at, [owner, name]] of changes.entries()) {
      if (before[at]) Object.defineProperty(owner, name, before[at]);
      else delete owner[name];
    }
  }
}

/** What React Native has: a `fetch` that doesn't stream, no `AbortSignal.any`, no `crypto`, and neither page nor window. */
const PHONE = [
  [globalThis, "XMLHttpRequest", XMLHttpRequest],
  [globalThis, "Response", undefined],
  [globalThis, "fetch", undefined],
  [globalThis, "TextDecoderStream", undefined],
  [globalThis, "crypto", undefined],
  [AbortSignal, "any", undefined],
];

const slowly = async ({ response }) => {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  // Characters of several bytes come in pieces.
  for (const byte of Buffer.from(write(WHOLE))) response.write(Uint8Array.of(byte));
  response.end();
};

export default {
  async "where only XMLHttpRequest streams, an answer comes by it and survives cuts"() {
    const answer = (request, number) => (number ? slowly(request) : { body: write(WHOLE.slice(0, 5)), end: "cut" });
    await where(PHONE, () =>
      using(answer, async (client, { requests }) => {
        const given = client.ask({ question: "보증?", sessionId: "s" });
        assert.equal(await given.text(), TEXT);
        assert.equal(requests[1].url, "/api/answers/a1/stream?after=5");
        assert.deepEqual(JSON.parse(requests[0].body), { question: "보증?", sessionId: "s" });
        assert.match(requests[0].headers["idempotency-key"], /^[0-9a-f]{32}$/);
      }),
    );
  },

  async "by XMLHttpRequest, pieces come before the end, and leaving closes the connection"() {
    await where(PHONE, () =>
      using(
        () => ({ body: write(WHOLE.slice(0, 3)), end: "hang" }),
        async (client, { requests }) => {
          for await (const { type } of client.ask({ question: "?" })) if (type === "text") break;
          await requests[0].gone;
          const given = new AbortController();
          const text = client.ask({ question: "?", signal: given.signal }).text();
          await until(() => requests.length === 2, "it was asked");
          given.abort(new Error("enough"));
          assert.equal((await caught(text)).message, "enough");
          await requests[1].gone;
        },
      ),
    );
  },

  async "by XMLHttpRequest, refusals and lost connections are the same problems"() {
    await where(PHONE, () =>
      using(
        ({ url, socket }) => (url.endsWith("config") ? problem(404, { code: "not_found", message: "no" }) : void socket.destroy()),
        async (client) => {
          assert.equal((await caught(client.json("config"))).code, "not_found");
          assert.equal((await caught(client.ask({ question: "?" }).text())).code, "network");
        },
        { tries: 1 },
      ),
    );
  },

  async "files of an app go by XMLHttpRequest, whatever fetch is given"() {
    const fetch = async () => {
      throw new TypeError("Unsupported FormDataPart implementation");
    };
    await where(PHONE, () =>
      using(
        () => ({ body: write(WHOLE) }),
        async (client, { requests }) => {
          const files = [{ uri: "file:///a.pdf", name: "a.pdf", type: "application/pdf" }];
          assert.equal(await client.ask({ question: "?", files }).text(), TEXT);
          assert.equal(requests.length, 1);
        },
        { fetch, tries: 0 },
      ),
    );
  },

  async "an app says that it is in front again"() {
    const answer = (request, number) => (number ? { body: write(WHOLE) } : void request.socket.destroy());
    await using(
      answer,
      async (client) => {
        const answer = client.ask({ question: "?" });
        const text = answer.text();
        await until(() => answer.state === "reconnecting", "the connection was lost");
        wake();
        assert.equal(await text, TEXT);
      },
      { pause: 60_000 },
    );
  },

  async "the progress of an upload is told as it is, and ends with all of it"() {
    await where([[globalThis, "XMLHttpRequest", XMLHttpRequest]], () =>
      using(
        () => ({ body: write(WHOLE) }),
        async (client, { requests }) => {
          const shares = [];
          const files = [new File(["가".repeat(50_000)], "보증서.txt", { type: "text/plain" }), new Blob(["b"])];
          const answer = client.ask({ question: "?", collections: ["own", "faq"], topic: undefined, messages: [{ role: "user", content: "앞" }], files, onUpload: (share) => shares.push(share) });
          assert.equal(await answer.text(), TEXT);
          assert.ok(shares.length > 5);
          assert.deepEqual(shares, [...shares].sort((one, other) => one - other));
          assert.equal(shares.at(-1), 1);
          const [{ headers, body }] = requests;
          const form = await new Response(body, { headers: { "Content-Type": headers["content-type"] } }).formData();
          assert.deepEqual([form.get("collections"), form.get("messages"), form.has("topic")], ["own,faq", '[{"role":"user","content":"앞"}]', false]);
          assert.deepEqual(form.getAll("files[]").map(({ name }) => name), ["보증서.txt", "blob"]);
        },
      ),
    );
  },

  async "what a redirect leads an upload to is taken for no answer"() {
    const other = await openService(() => ({ body: write(WHOLE) }));
    await where([[globalThis, "XMLHttpRequest", XMLHttpRequest]], () =>
      using(() => ({ status: 307, headers: { Location: `${other.origin}/elsewhere` } }), async (client, { requests }) => {
        const error = await caught(client.ask({ question: "?", files: [new Blob(["a"])], onUpload: () => {} }).text());
        assert.deepEqual([error.code, requests.length, other.requests.length], ["not_the_service", 1, 1]);
      }),
    );
    other.close();
  },

  async "a fetch that gives no stream gives the answer at its end"() {
    const whole = async (...asked) => {
      const response = await fetch(...asked);
      return { status: response.status, headers: response.headers, text: () => response.text() };
    };
    await using(() => ({ body: write(WHOLE) }), async (client) => assert.equal(await client.ask({ question: "?" }).text(), TEXT), { fetch: whole });
  },

  async "a fresh token is got after a 401, once for each request"() {
    const asked = [];
    const token = async ({ again }) => {
      asked.push(again);
      return again ? "fresh" : "stale";
    };
    const answer = ({ headers }) => (headers.authorization === "Bearer fresh" ? { body: write(WHOLE) } : problem(401, { code: "unauthenticated", message: "who?" }));
    await using(answer, async (client) => assert.equal(await client.ask({ question: "?" }).text(), TEXT), { token });
    assert.deepEqual(asked, [false, true]);
    const refuse = () => problem(401, { code: "unauthenticated", message: "who?" });
    for (const [given, sent] of [[token, 2], [() => "the same", 1], [undefined, 1]]) {
      await using(refuse, async (client, { requests }) => {
        assert.equal((await caught(client.ask({ question: "?" }).text())).code, "unauthenticated");
        assert.equal(requests.length, sent);
      }, { token: given });
    }
  },

  async "a token that can't be got for the moment is waited for"() {
    let calls = 0;
    const token = () => {
      if (calls++ < 2) throw new TypeError("fetch failed");
      return calls === 3 ? new Promise(() => {}) : "good";
    };
    await using(() => ({ body: write(WHOLE) }), async (client, { requests }) => {
      assert.equal(await client.ask({ question: "?" }).text(), TEXT);
      assert.equal(requests[0].headers.authorization, "Bearer good");
    }, { token, silence: 60 });
  },

  async "headers of the site go with each request, and the language of its people"() {
    await using(() => ({ type: "application/json", body: "{}" }), async (client, { requests }) => {
      await client.json("config");
      const { headers } = requests[0];
      assert.deepEqual([headers["x-csrf"], headers["accept-language"], headers.accept], ["7", "ko", "application/json"]);
    }, { headers: { "X-CSRF": "7" } });
  },

  async "a path from a frame is found at the same site, and the token is sent to no other"() {
    const other = await openService(() => ({ type: "application/json", body: "{}" }));
    await using(() => ({ type: "application/json", body: '{"here":true}' }), async (client, { requests }) => {
      for (const path of ["/api/sessions/s/files/f/pages/1", "sessions"]) assert.deepEqual(await client.json(path), { here: true });
      const host = other.origin.replace("http:", "");
      for (const path of [host, `/\t${host.slice(1)}`, host.replaceAll("/", "\\"), `/\\${host.slice(2)}`, other.origin]) await client.json(path).catch(() => {});
      assert.deepEqual(requests.slice(0, 2).map(({ url }) => url), ["/api/sessions/s/files/f/pages/1", "/api/sessions"]);
    }, { token: () => "secret" });
    assert.equal(other.requests.length, 0);
    other.close();
  },

  async "no path leads a page that has a path for an address to another site"() {
    const seen = [];
    const fetch = async (url) => {
      seen.push(new URL(url, "https://example.com").origin);
      return new Response("{}", { headers: { "Content-Type": "application/json" } });
    };
    const client = createClient({ fetch });
    for (const path of ["/api/x", "x", "//evil.example/x", "/\\evil.example", "/\t/evil.example", "\\\\evil.example", "https://evil.example"]) await client.json(path);
    assert.deepEqual(seen, Array(7).fill("https://example.com"));
  },

  async "an answer that is over listens to the page no longer"() {
    const listening = [];
    const { addEventListener, removeEventListener } = document;
    document.addEventListener = (name) => listening.push(name);
    document.removeEventListener = (name) => listening.splice(listening.indexOf(name), 1);
    try {
      await using((_, number) => ({ body: write(WHOLE.slice(0, number ? undefined : 3)), end: number ? "end" : "cut" }), async (client) => {
        assert.equal(await client.ask({ question: "?" }).text(), TEXT);
      });
      assert.deepEqual(listening, []);
    } finally {
      Object.assign(document, { addEventListener, removeEventListener });
    }
  },

  async "JSON and forms are sent as what they are, and a response without a body is undefined"() {
    await using(({ method }) => (method === "DELETE" ? { status: 204, type: "text/plain" } : { type: "application/json", body: "[]" }), async (client, { requests }) => {
      assert.equal(await client.json("sessions/s", { method: "DELETE" }), undefined);
      assert.deepEqual(await client.json("sessions/s", { method: "PATCH", body: { title: "제목" } }), []);
      const form = new FormData();
      form.append("url", "https://example.com");
      await client.json("documents", { method: "POST", body: form });
      assert.deepEqual(JSON.parse(requests[1].body), { title: "제목" });
      assert.match(requests[2].headers["content-type"], /^multipart\/form-data; boundary/);
      await client.json("answers/a/feedback", { method: "POST", body: new URLSearchParams({ rating: "up" }) });
      assert.equal(requests[3].body, "rating=up");
    });
  },

  async "a list of no files is no field of a question"() {
    await using(() => ({ body: write(WHOLE) }), async (client, { requests }) => {
      for (const files of [[], { length: 0 }, undefined]) await client.ask({ question: "?", files }).text();
      assert.deepEqual(requests.map(({ body }) => body), Array(3).fill('{"question":"?"}'));
    });
  },

  async "pictures come as they are drawn, and a failure is thrown"() {
    const lines = [{ output_index: 0, status: "partial", partial_image_b64s: ["QQ=="] }, { output_index: 1, status: "completed", partial_image_b64s: [] }];
    const body = ["", ...lines.map((line) => JSON.stringify(line)), ""].join("\n");
    const failed = JSON.stringify({ error: true, message: "거절", code: "content_filter", status: "failed" });
    await using((_, number) => ({ type: "application/jsonl; charset=utf-8", body: number ? `${failed}\n` : body }), async (client, { requests }) => {
      const drawn = [];
      for await (const picture of client.draw({ prompt: "고양이" })) drawn.push(picture);
      assert.deepEqual(drawn, lines);
      assert.deepEqual(JSON.parse(requests[0].body), { prompt: "고양이" });
      assert.equal((await caught(client.draw({ prompt: "?" }).next())).code, "content_filter");
    });
    await using(() => ({ status: 400, type: "application/json", body: '{"error":"Prompt is required"}' }), async (client) => {
      assert.equal((await caught(client.draw({ prompt: "" }).next())).message, "Prompt is required");
    });
  },
};
