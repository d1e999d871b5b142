// Runs every check against one service and prints what became of each, as one line of JSON: {name: null or the error}.
// The only argument is JSON: the service's address, a key, what the scripted model says, and the files to run.
import { createRequire } from "node:module";
import { openCable } from "./cable.mjs";

const given = JSON.parse(process.argv[2]);
const LONGEST = 80_000;

async function outcome(check, service) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`not done within ${LONGEST / 1000} s`)), LONGEST);
  });
  try {
    await Promise.race([check(service), late]);
    return null;
  } catch (error) {
    return error?.stack ?? String(error);
  } finally {
    clearTimeout(timer);
  }
}

// Clients that expect a browser find what they need of it.
globalThis.window = globalThis;
globalThis.document = Object.assign(new EventTarget(), { hidden: false });
const version = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;

const report = {};
const checks = [];
for (const file of given.files) {
  const { default: found } = await import(`./${file}.mjs`);
  checks.push(...Object.entries(found).map(([name, check]) => [`${file}: ${name}`, check]));
}
await Promise.all(
  checks.map(async ([name, check]) => {
    const cable = await openCable(given.port);
    report[name] = await outcome(check, { ...given, cable, version });
    cable.close();
  }),
);
console.log(JSON.stringify(report));
process.exit(0);
