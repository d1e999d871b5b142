// A site whose login takes its time, and visitors who hang up meanwhile. The argument is a folder with the site's qa.js.
// Prints how many connections to the service were opened for them.

import fs from "node:fs";
import http from "node:http";
import { once } from "node:events";

const [folder] = process.argv.slice(2);
const LOGIN = `
  export const addressOf = () => "127.0.0.1";
  export const userOf = () => (globalThis.loginAsked(), new Promise((resolve) => { globalThis.finishLogin = () => resolve("kim"); }));
`;
fs.writeFileSync(`${folder}/login.js`, LOGIN);
fs.writeFileSync(`${folder}/package.json`, '{"type": "module"}');

let connections = 0;
const service = http.createServer((request, response) => request.resume().on("end", () => response.end("{}")));
service.on("connection", () => (connections += 1));
await once(service.listen(0, "127.0.0.1"), "listening");
process.env.QA_URL = `http://127.0.0.1:${service.address().port}/api`;
const { passOn } = await import(`${folder}/qa.js`);
let left;
const site = http.createServer((request, response) => {
  left = once(response, "close");
  passOn(request, response);
});
await once(site.listen(0, "127.0.0.1"), "listening");

for (const method of ["GET", "POST"]) {
  const asked = new Promise((resolve) => (globalThis.loginAsked = resolve));
  const headers = { "Sec-Fetch-Site": "same-origin", Connection: "close" };
  const visitor = http.request({ port: site.address().port, host: "127.0.0.1", path: "/api/ask", method, headers });
  visitor.on("error", () => {});
  visitor.end(method === "POST" ? "hello" : undefined);
  await asked;
  visitor.destroy();
  await left;
  globalThis.finishLogin();
  await new Promise((resolve) => setTimeout(resolve, 100));
}
console.log(connections);
process.exit();
