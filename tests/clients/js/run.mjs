// Runs the checks of the named files one after another, and prints what became of each as one line of JSON.
import { writeSync } from "node:fs";

const LONGEST = 20_000;

// The client finds what it needs of a browser.
Object.assign(globalThis, { document: Object.assign(new EventTarget(), { hidden: false }) });
const page = new EventTarget();
for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) globalThis[name] = page[name].bind(page);

async function outcome(check) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`not done within ${LONGEST / 1_000} s`)), LONGEST)));
  try {
    await Promise.race([check(), late]);
    return null;
  } catch (error) {
    return error?.stack ?? String(error);
  } finally {
    clearTimeout(timer);
  }
}

const report = {};
for (const file of process.argv.slice(2)) {
  const { default: checks } = await import(`./${file}.mjs`);
  for (const [name, check] of Object.entries(checks)) report[`${file}: ${name}`] = await outcome(check);
}
writeSync(1, `${JSON.stringify(report)}\n`);
process.exit(0);
