// The hook in React itself, and answers as TanStack Query takes them.
import assert from "node:assert/strict";
import { QueryClient, experimental_streamedQuery as streamedQuery } from "@tanstack/query-core";
import { act, createElement } from "react";
import { create } from "react-test-renderer";
import { createClient } from "qa-service-client";
import { useAsk } from "qa-service-client/react";
import { DONE, openService, problem, sleep, TEXT, WHOLE, write } from "./service.mjs";

globalThis.IS_REACT_ACT_ENVIRONMENT = true;
// React's own renderer for tests warns that another library should be taken.
console.error = (text, ...more) => /deprecated/.test(text) || console.warn(text, ...more);

const status = (stage, more) => ["status", { stage, ...more }];
const started = (answerId) => ["start", { answerId, sessionId: "s1" }];
const fields = ({ body }) => JSON.parse(body);

/** Show a component that uses the hook. `now` is what the hook gives at the moment, and `stages` all that it has shown. */
async function using(answer, check, { options, language = "ko" } = {}) {
  const service = await openService(answer);
  const client = createClient({ url: service.url, pause: 10, tries: 2, language });
  const shown = { stages: [] };
  function Conversation() {
    shown.now = useAsk(client, options);
    if (shown.stages.at(-1) !== shown.now.stage) shown.stages.push(shown.now.stage);
    return null;
  }
  const root = await act(() => create(createElement(Conversation)));
  try {
    await check({ shown, root, ...service });
  } finally {
    await act(() => root.unmount());
    service.close();
  }
}

/** Let React show what comes, in short steps, until something holds. */
async function watch(holds) {
  for (let steps = 0; !holds(); steps++) {
    assert.ok(steps < 1_000, String(holds));
    await act(() => sleep(3));
  }
}

const talk = async ({ response }, ...parts) => {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  for (const part of parts) {
    response.write(part);
    await sleep(25);
  }
  response.end();
};

export default {
  async "a question and its answer become a message, with its statuses, sources and files"() {
    const reference = { n: 1, kind: "document", title: "보증서.txt" };
    const sources = [{ kind: "document", title: "보증서.txt", url: "/f/pages", documentId: "f", passages: [{ n: 1 }] }];
    const frames = [
      started("a1"),
      status("reading_file", { name: "보증서.txt" }),
      status("file", { name: "보증서.txt", status: "used" }),
      status("searching_web"),
      status("retrieving", { sources }),
      ["text", "24"],
      ["text", "개월"],
      ["image", { index: 0, partial: true, url: "/p0" }],
      ["image", { index: 0, partial: false, url: "/p1" }],
      ["reference", reference],
      ["metadata", { answerId: "a1", saved: true }],
      DONE,
    ];
    const answer = (request) => talk(request, ...frames.map((frame, at) => write([frame], at + 1)));
    await using(answer, async ({ shown, requests }) => {
      const file = new File(["24개월"], "보증서.txt");
      await act(async () => void shown.now.ask("보증 기간은?", { files: [file], topic: "new" }));
      await watch(() => !shown.now.isRunning);
      const [message] = shown.now.messages;
      assert.deepEqual([message.question, message.text, message.status], ["보증 기간은?", "24개월", "completed"]);
      assert.deepEqual([message.references, message.sources], [[reference], sources]);
      assert.deepEqual(message.images.map(({ url }) => url), ["/p1"]);
      assert.deepEqual(message.files.map(({ name, status }) => [name, status]), [["보증서.txt", "used"]]);
      assert.equal(message.metadata.saved, true);
      assert.deepEqual([shown.now.sessionId, shown.now.isRunning, shown.now.stage], ["s1", false, ""]);
      const stages = ["연결하는 중", "파일 분석 중", "웹 찾아보는 중", "답변을 생각 중이에요", ""];
      assert.deepEqual(shown.stages.filter((stage) => stages.slice(0, 4).includes(stage)), stages.slice(0, 4));
      assert.match(requests[0].body, /name="useWebSearch"\r\n\r\ntrue/);
    }, { options: { useWebSearch: true } });
  },

  async "statuses are English for English readers"() {
    const answer = (request) => talk(request, write([started("a1"), status("searching_web")]), write([["text", "a"], DONE], 3));
    await using(answer, async ({ shown }) => {
      await act(async () => void shown.now.ask("?"));
      await watch(() => !shown.now.isRunning);
      assert.ok(shown.stages.includes("Searching the web …"));
    }, { language: "en" });
  },

  async "a conversation goes on in its session"() {
    const answer = (_, number) => ({ body: write([started(`a${number}`), ["text", "네"], DONE]) });
    await using(answer, async ({ shown, requests }) => {
      await act(() => shown.now.ask("하나"));
      await act(() => shown.now.ask("둘"));
      assert.deepEqual(requests.map((request) => fields(request).sessionId), [undefined, "s1"]);
      assert.deepEqual(shown.now.messages.map(({ question, text }) => [question, text]), [["하나", "네"], ["둘", "네"]]);
      assert.equal(new Set(shown.now.messages.map(({ key }) => key)).size, 2);
    });
  },

  async "stop keeps what there is"() {
    const answer = ({ url }) => (url.endsWith("cancel") ? { type: "application/json", body: "{}" } : { body: write([started("a1"), ["text", "반"]]), end: "hang" });
    await using(answer, async ({ shown, requests }) => {
      let asked;
      await act(async () => void (asked = shown.now.ask("?")));
      await watch(() => shown.now.messages[0].text);
      assert.equal(shown.now.isRunning, true);
      await act(() => shown.now.stop());
      assert.equal(requests[1].url, "/api/answers/a1/cancel");
      requests[0].response.end(write([["done", { status: "cancelled" }]], 3));
      await act(() => asked);
      assert.deepEqual([shown.now.messages[0].status, shown.now.messages[0].text, shown.now.isRunning], ["cancelled", "반", false]);
    });
  },

  async "retry looks again for an answer that was lost, and asks anew for one that is over"() {
    const answer = (request, number) => {
      if (number < 3) return void request.socket.resetAndDestroy();
      return { body: write([started(`a${number}`), ["text", `${number}`], ["done", { status: "failed" }]]) };
    };
    await using(answer, async ({ shown, requests }) => {
      await act(() => shown.now.ask("?", { topic: "keep" }));
      assert.deepEqual([shown.now.messages[0].status, shown.now.messages[0].error.code], ["failed", "network"]);
      await act(() => shown.now.retry());
      assert.deepEqual([shown.now.messages[0].text, shown.now.messages[0].error], ["3", null]);
      assert.equal(new Set(requests.map(({ headers }) => headers["idempotency-key"])).size, 1);
      await act(() => shown.now.retry());
      assert.deepEqual(shown.now.messages.map(({ text }) => text), ["4"]);
      assert.deepEqual(fields(requests[4]), { topic: "keep", replaces: "a3", question: "?", sessionId: "s1" });
      assert.notEqual(requests[4].headers["idempotency-key"], requests[3].headers["idempotency-key"]);
    });
  },

  async "edit asks in the place of a message, and what came after it leaves"() {
    const answer = (_, number) => ({ body: write([started(`a${number}`), ["text", `${number}`], DONE]) });
    await using(answer, async ({ shown, requests }) => {
      for (const question of ["하나", "둘", "셋"]) await act(() => shown.now.ask(question));
      await act(() => shown.now.edit(1, "둘!"));
      assert.deepEqual(shown.now.messages.map(({ question, text }) => [question, text]), [["하나", "0"], ["둘!", "3"]]);
      assert.equal(fields(requests[3]).replaces, "a1");
    });
  },

  async "functions of an earlier render know what has come since"() {
    const answer = (_, number) => ({ body: write([started(`a${number}`), ["text", `${number}`], DONE]) });
    await using(answer, async ({ shown, requests }) => {
      const { ask, retry } = shown.now;
      await act(() => ask("하나"));
      await act(() => ask("둘"));
      await act(() => retry());
      assert.deepEqual(shown.now.messages.map(({ question, text }) => [question, text]), [["하나", "0"], ["둘", "2"]]);
      assert.deepEqual(requests.map((request) => fields(request).sessionId), [undefined, "s1", "s1"]);
    });
  },

  async "two questions at once are both shown"() {
    const answer = (_, number) => ({ body: write([started(`a${number}`), ["text", "네"], DONE]) });
    await using(answer, async ({ shown }) => {
      await act(() => Promise.all([shown.now.ask("하나"), shown.now.ask("둘")]));
      assert.deepEqual(shown.now.messages.map(({ question, status }) => [question, status]), [["하나", "cancelled"], ["둘", "completed"]]);
    });
  },

  async "another question ends the one that is running"() {
    const answer = (_, number) => (number ? { body: write([started("a2"), ["text", "둘"], DONE]) } : { body: write([started("a1"), ["text", "하"]]), end: "hang" });
    await using(answer, async ({ shown, requests }) => {
      await act(async () => void shown.now.ask("하나"));
      await watch(() => shown.now.messages[0].text);
      await act(() => shown.now.ask("둘"));
      assert.deepEqual(shown.now.messages.map(({ text, status }) => [text, status]), [["하", "cancelled"], ["둘", "completed"]]);
      await requests[0].gone;
    });
  },

  async "a refusal is told in the message"() {
    await using(() => problem(422, { code: "model_not_allowed", message: "no", userMessage: "쓸 수 없는 모델이에요" }), async ({ shown }) => {
      await act(() => shown.now.ask("?"));
      assert.deepEqual([shown.now.messages[0].status, shown.now.messages[0].error.userMessage], ["failed", "쓸 수 없는 모델이에요"]);
    });
  },

  async "the connection is closed with its component"() {
    await using(() => ({ body: write([started("a1"), ["text", "하"]]), end: "hang" }), async ({ shown, requests, root }) => {
      await act(async () => void shown.now.ask("?"));
      await watch(() => shown.now.messages[0].text);
      await act(() => root.unmount());
      await requests[0].gone;
    });
  },

  async "TanStack Query streams an answer and pictures"() {
    const answer = ({ url }) => (url.endsWith("images") ? { type: "application/jsonl", body: '\n{"output_index":0,"status":"completed"}\n' } : { body: write(WHOLE) });
    const service = await openService(answer);
    const client = createClient({ url: service.url });
    const queries = new QueryClient();
    const frames = await queries.fetchQuery({ queryKey: ["answer"], queryFn: streamedQuery({ streamFn: ({ signal }) => client.ask({ question: "?", signal }) }) });
    assert.equal(frames.filter(({ type }) => type === "text").map(({ content }) => content).join(""), TEXT);
    const pictures = await queries.fetchQuery({ queryKey: ["picture"], queryFn: streamedQuery({ streamFn: ({ signal }) => client.draw({ prompt: "고양이", signal }) }) });
    assert.deepEqual(pictures, [{ output_index: 0, status: "completed" }]);
    service.close();
  },
};
