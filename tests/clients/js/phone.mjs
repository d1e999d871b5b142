// What an app does on a phone in a day, with what React Native has: `node phone.mjs JSON`. It prints what it did, as JSON.
import assert from "node:assert/strict";
import net from "node:net";
import { createClient, wake } from "../../../clients/js/src/index.js";
import { XMLHttpRequest } from "./xhr.mjs";

const { port, secret } = JSON.parse(process.argv[2]);
const FILE = `배터리는 24개월 동안 보증됩니다.${" ".repeat(200_000)}`;

/** The phone's network. `cutAfter` is how many bytes of the next upload arrive, and `hang` lets nothing more through. */
const network = { cutAfter: Infinity, lines: new Set(), hang: () => network.lines.forEach((line) => line.pause()) };
const tower = net.createServer((near) => {
  const far = net.connect(port, "127.0.0.1");
  network.lines.add(far);
  let sent = 0;
  near.on("data", (piece) => {
    sent += piece.length;
    if (sent <= network.cutAfter) return far.write(piece);
    network.cutAfter = Infinity;
    near.resetAndDestroy();
  });
  far.on("data", (piece) => near.write(piece));
  for (const [one, other] of [[near, far], [far, near]]) one.on("error", () => {}).on("close", () => other.destroy());
});
await new Promise((ready) => tower.listen(0, "127.0.0.1", ready));

/** The site's own backend, which knows who is signed in, and has the server's key. */
let tokens = 0;
async function fetchToken() {
  tokens++;
  const headers = { Authorization: `Bearer ${secret}`, "X-User-Id": "ann" };
  const response = await realFetch(`http://127.0.0.1:${port}/api/tokens`, { method: "POST", headers });
  return (await response.json()).token;
}

const realFetch = fetch;
let token = "an-old-token-that-is-over";
for (const [name, value] of Object.entries({ XMLHttpRequest, Response: undefined, fetch: undefined, crypto: undefined })) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
AbortSignal.any = undefined;
const client = createClient({
  url: `http://127.0.0.1:${tower.address().port}/api`,
  token: async ({ again }) => (again ? (token = await fetchToken()) : token),
  pause: 50,
  language: "ko",
});

async function readUntil(answer, type) {
  for await (const frame of answer) if (frame.type === type) return;
}

const done = {};

// The first upload is cut in the middle, and sent again under the same key.
await client.json("config");
network.cutAfter = 100_000;
const states = [];
const first = client.ask({ question: "무엇이라고 하나요?", files: [new File([FILE], "보증.txt")], onState: (state) => states.push(state), onUpload: () => {} });
const { text, sessionId, metadata } = await first.answer();
assert.ok(states.includes("reconnecting"), states.join());
Object.assign(done, { text, tokens, files: metadata.files.map(({ name }) => name) });

// The app is in the background, and its connection dies without a word. Minutes later it is in front again.
const second = client.ask({ question: "왜요?", sessionId });
const reading = second.answer();
await readUntil(second, "text");
network.hang();
const now = Date.now;
Date.now = () => now() + 300_000;
wake();
Date.now = now;
done.resumed = (await reading).text;

// The history comes in pages.
const sessions = await client.json("sessions?limit=1");
assert.deepEqual(sessions.items.map((each) => each.sessionId), [sessionId]);
done.turns = (await client.json(`sessions/${sessionId}`)).turns.map(({ question }) => question);

// An answer is stopped, and what there was of it is kept.
const third = client.ask({ question: "길게 말해 주세요.", sessionId });
const stopped = third.answer();
await readUntil(third, "text");
await third.cancel();
done.stopped = (await stopped).status;
done.kept = (await client.json(`answers/${third.id}`)).text.length > 0;

process.stdout.write(JSON.stringify(done), () => process.exit());
