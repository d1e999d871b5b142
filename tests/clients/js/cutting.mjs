// A proxy that cuts connections at random places: before a request, before its response, or at any byte of it.
import net from "node:net";
import { pathToFileURL } from "node:url";

/** Some connections are cut within the first of these bytes, where the headers are. Most bring up to twenty frames. */
const HEAD = 700;
const FRAMES = 1_400;

/** Numbers from 0 to 1 that look like chance, and are the same each time for the same `seed`. */
export function makeRandom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Open the proxy. `cuts` of it is how many connections it has cut so far. With `most`, it then cuts no more. */
export async function openCuttingProxy(port, { seed = 1, most = Infinity } = {}) {
  const random = makeRandom(seed);
  const open = new Set();
  const proxy = { cuts: 0 };
  const server = net.createServer((near) => {
    const cut = () => {
      if (near.destroyed) return;
      proxy.cuts++;
      near.resetAndDestroy();
    };
    const chance = proxy.cuts < most ? random() : 1;
    if (chance < 0.05) return cut();
    const far = net.connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => (open.delete(one), other.destroy()));
    }
    near.pipe(far);
    if (chance < 0.1) return far.once("data", cut);
    if (chance === 1) return far.pipe(near);
    handOn(far, near, Math.ceil(chance < 0.2 ? random() * HEAD : HEAD + random() * FRAMES), cut);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return Object.assign(proxy, {
    api: `http://127.0.0.1:${server.address().port}/api`,
    close: () => (server.close(), open.forEach((socket) => socket.destroy())),
  });
}

/** Hand on this many bytes, and cut when they have left. */
function handOn(far, near, bytes, cut) {
  far.on("end", () => near.end());
  far.on("data", (piece) => {
    if (bytes <= 0) return;
    near.write(piece.subarray(0, bytes), () => bytes <= 0 && cut());
    bytes -= piece.length;
  });
}

// As a program it prints its address, and then the number of cuts at each line that comes in.
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [port, seed] = process.argv.slice(2).map(Number);
  const proxy = await openCuttingProxy(port, { seed });
  console.log(proxy.api);
  process.stdin.on("data", () => console.log(proxy.cuts)).on("end", () => process.exit());
}
