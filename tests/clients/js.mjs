// Our own client for JavaScript, against the real service.
import { createClient } from "../../clients/js/src/index.js";
import { assert, get, NOTE, randomUUID, script, until } from "./asking.mjs";
import { openCuttingProxy } from "./js/cutting.mjs";
import { readAnswers, readFrames } from "./js/reading.mjs";

const clientOf = ({ cable, key }, options) => createClient({ url: cable.api, token: () => key, language: "ko", pause: 50, ...options });

async function requestsWith(service, word) {
  const requests = await (await fetch(`${service.upstream}/requests`)).json();
  return requests.filter(({ body }) => JSON.stringify(body).includes(word));
}

function makeStorage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name), setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
}

export default {
  async "asks with a file and streams"(service) {
    const shares = [];
    const files = [new File([NOTE], "보증.txt", { type: "text/plain" })];
    const answer = clientOf(service).ask({ question: "보증 기간은 얼마나 되나요?", files, onUpload: (share) => shares.push(share) });
    const { text, status, metadata, sessionId } = await answer.answer();
    assert.deepEqual([text, status, metadata.files[0].status, shares], [service.text, "completed", "used", [1]]);
    assert.equal((await get(service, `sessions/${sessionId}`)).turns[0].text, text);
  },

  async "reads answers through random cuts, each whole and paid once"(service) {
    const proxy = await openCuttingProxy(service.port, { seed: 7 });
    const questions = Array.from({ length: 4 }, () => `${script("paced")} ${randomUUID()}`);
    const answers = await readAnswers(createClient, { url: proxy.api, token: service.key, questions });
    proxy.close();
    assert.ok(proxy.cuts >= 12, `${proxy.cuts} cuts`);
    for (const { question, text, frames, status, answerId } of answers) {
      assert.deepEqual([text, status], [service.paced, "completed"]);
      assert.deepEqual(frames, await readFrames(createClient, { url: service.cable.api, token: service.key, answerId }));
      assert.equal((await requestsWith(service, question.split(" ").at(-1))).length, 1);
    }
  },

  async "finds an answer again after the page was loaded again"(service) {
    const storage = makeStorage();
    const sessionId = randomUUID();
    const first = clientOf(service, { storage }).ask({ question: script("paced"), sessionId });
    for await (const { type } of first) if (type === "text") break;
    const found = await clientOf(service, { storage }).pending(sessionId);
    assert.equal(found.id, first.id);
    assert.equal(await found.text(), service.paced);
  },

  async "stops an answer while its connection is lost"(service) {
    const answer = clientOf(service).ask({ question: script("paced") });
    const whole = answer.answer();
    await until(() => answer.state === "streaming" && answer.id, "it streams");
    service.cable.cut();
    await answer.cancel();
    assert.equal((await whole).status, "cancelled");
    assert.equal((await get(service, `answers/${answer.id}`)).status, "cancelled");
  },

  async "stops an answer whose first frame is late"(service) {
    const late = async (...asked) => {
      const response = await fetch(...asked);
      await new Promise((resolve) => setTimeout(resolve, asked[0].endsWith("/ask") ? 1_500 : 0));
      return response;
    };
    const answer = clientOf(service, { fetch: late }).ask({ question: script("paced") });
    const whole = answer.answer();
    await answer.cancel();
    assert.equal((await whole).status, "cancelled");
    assert.equal((await get(service, `answers/${answer.id}`)).status, "cancelled");
  },

  async "asks in the place of an earlier answer"(service) {
    const client = clientOf(service);
    const first = await client.ask({ question: "하나?" }).answer();
    const { sessionId, answerId } = await client.ask({ question: "둘?", sessionId: first.sessionId, replaces: first.answerId }).answer();
    const { turns } = await client.json(`sessions/${sessionId}`);
    assert.deepEqual(turns.map((turn) => turn.answerId), [answerId]);
  },

  async "tells refusals in the language of the person"(service) {
    const error = await createClient({ url: service.cable.api, token: () => "wrong-secret-0123456789", language: "ko" }).json("config").catch((problem) => problem);
    assert.deepEqual([error.code, error.status], ["unauthenticated", 401]);
    assert.match(error.userMessage, /[가-힣]/);
  },

  async "follows an answer that is over from any of its frames"(service) {
    const client = clientOf(service);
    const answer = client.ask({ question: "?" });
    const { text } = await answer.answer();
    assert.equal(await client.follow(answer.id).text(), text);
    const frames = await readFrames(createClient, { url: service.cable.api, token: service.key, answerId: answer.id });
    const later = [];
    for await (const frame of client.follow(answer.id, { after: frames[2].seq })) later.push(frame);
    assert.deepEqual(later, frames.slice(3));
    assert.equal((await client.follow(answer.id, { after: frames.at(-1).seq }).answer()).status, "");
  },
};
