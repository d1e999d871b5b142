// Loops that come and go over a connection that fails by chance, in every way there is.
import assert from "node:assert/strict";
import { createClient } from "qa-service-client";
import { makeRandom } from "./cutting.mjs";
import { DONE, openService, sleep, START, write } from "./service.mjs";

const FRAMES = [["start", START], ...Array.from({ length: 60 }, (_, number) => ["text", `<${number}>`]), DONE];
const SEEDS = 10;
const LOOPS = 3;
const ENDS = ["cut", "end", "hang"];
const MOVED = write([["reconnect", { reason: "drain", backoffMs: 3 }, null]]);

/** Answers with some frames, perhaps with a few that came before, and breaks off somewhere. */
const failing = (random) => (request) => {
  const chance = random();
  if (chance < 0.1) return void request.socket.resetAndDestroy();
  if (chance < 0.15) return { status: 503, type: "text/html", body: "away" };
  const after = Number(new URL(request.url, "http://x").searchParams.get("after") ?? 0);
  const from = Math.max(0, after - Math.floor(random() * 3));
  const frames = FRAMES.slice(from, from + 1 + Math.floor(random() * 25));
  const isLast = from + frames.length === FRAMES.length;
  const body = write(frames, from + 1);
  if (isLast) return { body, end: random() < 0.5 ? "end" : "hang" };
  const told = random() < 0.3 ? body.slice(0, -5) : random() < 0.1 ? body + MOVED : body;
  return { body: told, end: ENDS[Math.floor(random() * ENDS.length)] };
};

/** Begin loops, leave them at some frame, and begin again, until one has got all frames. */
async function readInBits(answer, random) {
  for (;;) {
    const frames = [];
    const enough = random() < 0.7 ? 1 + Math.floor(random() * 30) : Infinity;
    for await (const { seq, type, content } of answer) {
      frames.push([type, content]);
      assert.equal(seq, frames.length);
      if (frames.length === enough) break;
    }
    if (frames.length !== enough) return frames;
    await sleep(random() * 20);
  }
}

export default {
  async "loops that come and go over a failing connection get all frames, once and in order"() {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = makeRandom(seed);
      const service = await openService(failing(random));
      const answer = createClient({ url: service.url, pause: 2, silence: 60, tries: 30 }).ask({ question: "?" });
      const loops = await Promise.all(Array.from({ length: LOOPS }, () => readInBits(answer, random)));
      for (const frames of loops) assert.deepEqual(frames, FRAMES, `seed ${seed}`);
      const asked = service.requests.filter(({ url }) => url === "/api/ask");
      assert.equal(new Set(asked.map(({ headers }) => headers["idempotency-key"])).size, 1);
      service.close();
    }
  },
};
