// Clients of events: a reader written by hand, `eventsource-parser`, `eventsource` and `fetch-event-source`.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource } from "eventsource";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { assert, assertStopped, assertTold, form, get, HEADERS, randomUUID, script, stop, until } from "./asking.mjs";

// The reader of docs/asking.md, with what a resumed stream needs.
async function* byHand(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw await response.json();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "", part; !(part = await reader.read()).done; ) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}

async function* byParser(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw await response.json();
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) yield JSON.parse(data);
}

// Reads to the end, and comes back as often as it is cut off.
async function readAll(service, read, body, seen = () => {}) {
  const got = { text: "", seqs: [] };
  const headers = HEADERS(service);
  let frames = read(`${service.cable.api}/ask`, { method: "POST", headers, body });
  for (;;) {
    try {
      for await (const { seq, type, content } of frames) {
        if (seq) got.seqs.push(seq);
        if (type === "start") got.id = content.answerId;
        if (type === "text") got.text += content;
        if (type === "error" || type === "metadata" || type === "done") got[type] = content;
        seen(got);
      }
      if (got.done) return got;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    frames = read(`${service.cable.api}/answers/${got.id}/stream?after=${got.seqs.at(-1)}`, { headers });
  }
}

const readers = (name, read) => ({
  async [`${name} asks with a file and streams`](service) {
    const got = await readAll(service, read, form({ question: "보증 기간은 얼마나 되나요?" }, { file: true }));
    assert.equal(got.text, service.text);
    assert.equal(got.metadata.files[0].status, "used");
    assert.equal(got.done.status, "completed");
  },

  async [`${name} comes back after a cut`](service) {
    let cuts = 0;
    const got = await readAll(service, read, form({ question: script("paced") }), ({ text }) => {
      if (text.length > 5 * (cuts + 1) && cuts < 2) {
        cuts++;
        service.cable.cut();
      }
    });
    assert.equal(cuts, 2);
    assert.equal(got.text, service.paced);
    assert.deepEqual(got.seqs, [...new Set(got.seqs)]);
  },

  async [`${name} stops`](service) {
    const asked = { text: "" };
    const reading = readAll(service, read, form({ question: script("slow") }), (got) => Object.assign(asked, got));
    await until(() => asked.text, "the first words");
    await stop(service, asked.id);
    assert.equal((await reading).done.status, "cancelled");
    await assertStopped(service, asked.id);
  },

  async [`${name} shows an error and a refusal`](service) {
    const got = await readAll(service, read, form({ question: script("401") }));
    assertTold(got.error.userMessage);
    assert.equal(got.done.status, "failed");
    await assert.rejects(readAll(service, read, form({ question: "" })), (problem) => problem.field === "question");
  },
});

function listen(service, question, names = []) {
  const url = `${service.cable.api}/ask?format=events&sessionId=${randomUUID()}&question=${encodeURIComponent(question)}`;
  const withKey = (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...HEADERS(service) } });
  const source = new EventSource(url, { fetch: withKey });
  const got = { text: "", opened: 0, ids: [] };
  source.onopen = () => got.opened++;
  source.onmessage = (event) => {
    const parsed = JSON.parse(event.data);
    if ("content" in parsed) {
      got.text += parsed.content;
      got.ids.push(event.lastEventId);
    }
    if (parsed.done) got.done = true;
  };
  for (const name of ["start", "metadata", "error", ...names])
    source.addEventListener(name, (event) => {
      if (event.data) got[name] = JSON.parse(event.data);
    });
  return { source, got };
}

const eventSource = {
  async "eventsource asks and streams"(service) {
    const { source, got } = listen(service, "안녕?");
    await until(() => got.done, "the end");
    source.close();
    assert.equal(got.text, service.text);
    assert.equal(got.metadata.finishReason, "stop");
  },

  async "eventsource comes back by itself after a cut, and stops at the end"(service) {
    const { source, got } = listen(service, script("paced"));
    await until(() => got.text.length > 5, "the first words");
    service.cable.cut();
    await until(() => got.done, "the end");
    assert.equal(got.text, service.paced);
    assert.equal(got.opened, 2);
    // It isn't closed here: the 204 of an answer that is over closes it.
    await until(() => source.readyState === EventSource.CLOSED, "it closes");
    assert.equal((await get(service, `answers/${got.start.answerId}`)).text, service.paced);
  },

  async "eventsource stops"(service) {
    const { source, got } = listen(service, script("slow"));
    await until(() => got.text, "the first words");
    source.close();
    await stop(service, got.start.answerId);
    await assertStopped(service, got.start.answerId);
  },

  async "eventsource shows an error"(service) {
    const { source, got } = listen(service, script("401"));
    await until(() => got.done, "the end");
    source.close();
    assertTold(got.error.userMessage);
  },
};

async function fetchEvents(service, fields, { file = false, each = () => {}, signal } = {}) {
  const got = { text: "" };
  await fetchEventSource(`${service.cable.api}/ask`, {
    method: "POST",
    headers: HEADERS(service),
    body: form({ ids: "true", ...fields }, { file }),
    openWhenHidden: true,
    signal,
    onmessage: ({ data }) => {
      const { type, content } = JSON.parse(data);
      if (type === "text") got.text += content;
      else got[type] = content;
      each(got);
    },
  });
  return got;
}

const fetchEventSourceChecks = {
  async "fetch-event-source asks with a file and streams"(service) {
    const got = await fetchEvents(service, { question: "보증 기간은 얼마나 되나요?" }, { file: true });
    assert.equal(got.text, service.text);
    assert.equal(got.metadata.files[0].status, "used");
  },

  async "fetch-event-source comes back by itself after a cut, and asks once"(service) {
    let cuts = 0;
    const sessionId = randomUUID();
    const each = ({ text }) => text.length > 5 && !cuts++ && service.cable.cut();
    const got = await fetchEvents(service, { question: script("paced"), sessionId }, { file: true, each });
    assert.equal(got.text, service.paced);
    assert.equal((await get(service, `sessions/${sessionId}`)).turns.length, 1);
  },

  async "fetch-event-source stops"(service) {
    const hangUp = new AbortController();
    const asked = {};
    const each = (got) => Object.assign(asked, got);
    const reading = fetchEvents(service, { question: script("slow") }, { each, signal: hangUp.signal });
    await until(() => asked.text, "the first words");
    hangUp.abort();
    await reading;
    await stop(service, asked.start.answerId);
    await assertStopped(service, asked.start.answerId);
  },

  async "fetch-event-source shows an error"(service) {
    assertTold((await fetchEvents(service, { question: script("401") })).error.userMessage);
  },
};

export default {
  ...readers("a reader written by hand", byHand),
  ...readers("eventsource-parser", byParser),
  ...eventSource,
  ...fetchEventSourceChecks,
};
