// Reads answers through random cuts, as a program: `node cuts.mjs JSON`. It prints what came, as JSON.
import { createClient } from "qa-service-client";
import { openCuttingProxy } from "./cutting.mjs";
import { readAnswers } from "./reading.mjs";

const { port, seed, ...given } = JSON.parse(process.argv[2]);
const proxy = await openCuttingProxy(port, { seed });
const answers = await readAnswers(createClient, { ...given, url: proxy.api });
process.stdout.write(JSON.stringify({ cuts: proxy.cuts, answers }), () => process.exit());
