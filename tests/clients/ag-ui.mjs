// AG-UI's own `HttpAgent`, as a front end has it. It refuses whatever comes in a wrong order or has a wrong shape.
import { HttpAgent } from "@ag-ui/client";
import { assert, assertStopped, assertTold, get, HEADERS, NOTE, randomUUID, script, stop, until } from "./asking.mjs";

// It warns of every member that the protocol doesn't describe.
const warnings = [];
const { warn } = console;
console.warn = (...words) => (String(words[0]).startsWith("[ag-ui]") ? warnings.push(words.join(" ")) : warn(...words));

const open = (service, init = {}) => new HttpAgent({ url: `${service.cable.api}/agui`, headers: HEADERS(service), ...init });
const last = (agent) => agent.messages.at(-1);

// Asks, and keeps what a page would show beside the messages. `when` is called with every event.
async function run(agent, content, when = () => {}, parameters = {}) {
  const got = { events: [], custom: {} };
  agent.addMessage({ id: randomUUID(), role: "user", content });
  await agent.runAgent(parameters, {
    onEvent: ({ event }) => (got.events.push(event), void when(event)),
    onRunStartedEvent: ({ event }) => void (got.answerId = event.metadata.answerId),
    onRunFinishedEvent: ({ event }) => void (got.finished = event),
    onRunErrorEvent: ({ event }) => void (got.error = event),
    onCustomEvent: ({ event }) => void (got.custom[event.name] ??= []).push(event.value),
    onRunFailed: ({ error }) => ((got.failed = error), { stopPropagation: true }),
  });
  assert.deepEqual(warnings, []);
  return got;
}

const ofType = (got, type) => got.events.filter((event) => event.type === type);

export default {
  async "asks with a file and streams"(service) {
    const agent = open(service);
    const source = { type: "data", mimeType: "text/plain", value: Buffer.from(NOTE).toString("base64") };
    const file = { type: "document", source, metadata: { filename: "보증.txt" } };
    const got = await run(agent, [{ type: "text", text: "보증 기간은 얼마나 되나요?" }, file]);
    assert.deepEqual([last(agent).role, last(agent).content, last(agent).id], ["assistant", service.text, got.answerId]);
    assert.ok(ofType(got, "TEXT_MESSAGE_CONTENT").length > 1);
    assert.deepEqual(got.custom.metadata[0].files.map(({ name, status }) => [name, status]), [["보증.txt", "used"]]);
    assert.ok(ofType(got, "STEP_STARTED").some(({ stepName, metadata }) => stepName === "file" && metadata.name === "보증.txt"));
    assert.equal(got.finished.usage[0].inputTokens, service.tokens);
    assert.deepEqual([got.error, got.failed], [undefined, undefined]);
  },

  async "goes on in its thread"(service) {
    const agent = open(service);
    await run(agent, "안녕?");
    await run(agent, "그건 왜죠?");
    assert.deepEqual(agent.messages.map(({ role }) => role), ["user", "assistant", "user", "assistant"]);
    const { turns } = await get(service, `sessions/${agent.threadId}`);
    assert.deepEqual(turns.map(({ question }) => question), ["그건 왜죠?", "안녕?"]);
  },

  async "shows the sources of an answer"(service) {
    const got = await run(open(service), script("02_web_search"));
    assert.ok(got.custom.reference.every(({ n, url }) => n && url));
  },

  async "stops"(service) {
    const agent = open(service);
    const got = await run(agent, script("slow"), ({ type }) => type === "TEXT_MESSAGE_CONTENT" && agent.abortRun());
    assert.equal(got.failed, undefined);
    await assertStopped(service, got.answerId);
  },

  async "is told of a stop by somebody else"(service) {
    const agent = open(service);
    let answerId, stopping;
    const got = await run(agent, script("slow"), ({ type, metadata }) => {
      if (type === "RUN_STARTED") answerId = metadata.answerId;
      if (type === "TEXT_MESSAGE_START") stopping = stop(service, answerId);
    });
    await stopping;
    assert.deepEqual(got.finished.outcome, { type: "cancelled" });
    assert.deepEqual([got.error, got.failed], [undefined, undefined]);
  },

  async "shows an error and a refusal"(service) {
    const got = await run(open(service), script("401"));
    assertTold(got.error.message);
    assert.equal(got.error.code, "upstream_rejected");
    assert.equal(got.failed, undefined);
    const refused = await run(open(service), "안녕?", () => {}, { forwardedProps: { temperature: 9 } });
    assert.match(refused.failed.message, /HTTP 422: .*temperature/);
  },

  async "shows what came before an error, and asks again"(service) {
    const agent = open(service);
    const got = await run(agent, script("cut"));
    assert.ok(got.error.code);
    assert.ok(last(agent).content && service.text.startsWith(last(agent).content));
    await run(agent, "그건 왜죠?");
    assert.equal(last(agent).content, service.text);
  },

  async "knows a run that was cut off from one that ended"(service) {
    const agent = open(service);
    // The agent tells its page of the cut, and then also leaves a rejection of its own reader behind.
    const leftBehind = (error) => assert.equal(error.message, "terminated");
    process.on("unhandledRejection", leftBehind);
    const got = await run(agent, script("slow"), ({ type }) => type === "TEXT_MESSAGE_CONTENT" && service.cable.cut());
    assert.deepEqual([got.finished, got.error], [undefined, undefined]);
    assert.ok(got.failed);
    await until(async () => (await get(service, `answers/${got.answerId}`)).status === "cancelled", "its answer stops");
    process.off("unhandledRejection", leftBehind);
  },

  async "shows a text that begins again once"(service) {
    const agent = open(service, { url: `data:text/event-stream;base64,${service.restarted}`, threadId: "thread" });
    agent.requestInit = () => ({});
    await run(agent, "안녕?", () => {}, { runId: "run-1" });
    assert.deepEqual(agent.messages.map(({ content }) => content), ["안녕?", "good"]);
  },
};
