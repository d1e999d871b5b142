// What the checks of all clients have in common: questions that the scripted model knows, a file, and looks behind the
// client's back.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

export { assert, randomUUID };

export const HEADERS = ({ key }) => ({ Authorization: `Bearer ${key}`, "Accept-Language": "ko" });
export const script = (name) => `script:${name} 보증 기간은 얼마나 되나요?`;
export const NOTE = "배터리는 24개월 동안 보증됩니다.";
export const NOTE_URL = `data:text/plain;base64,${Buffer.from(NOTE).toString("base64")}`;

export function form(fields, { file = false } = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  if (file) body.append("files", new Blob([NOTE], { type: "text/plain" }), "보증.txt");
  return body;
}

// The AI SDK's providers for OpenAI send no other documents than PDF.
export const withPdf = ({ pdf }) => [
  {
    role: "user",
    content: [
      { type: "text", text: "보증 기간은 얼마나 되나요?" },
      { type: "file", data: Buffer.from(pdf, "base64"), mediaType: "application/pdf", filename: "보증.pdf" },
    ],
  },
];

export async function assertRead(service, sessionId) {
  const { items } = await get(service, `sessions/${sessionId}/files`);
  assert.deepEqual(items.map(({ kind, status }) => [kind, status]), [["pdf", "used"]]);
}

export async function until(true_, what) {
  for (let tries = 0; tries < 800; tries++) {
    if (await true_()) return;
    await new Promise((wake) => setTimeout(wake, 25));
  }
  throw new Error(`never came: ${what}`);
}

export async function get(service, path) {
  const response = await fetch(`${service.cable.api}/${path}`, { headers: HEADERS(service) });
  assert.equal(response.status, 200, path);
  return response.json();
}

export async function stop(service, answerId) {
  const response = await fetch(`${service.cable.api}/answers/${answerId}/cancel`, { method: "POST", headers: HEADERS(service) });
  assert.equal(response.status, 200);
}

export async function assertStopped(service, answerId) {
  await until(async () => (await get(service, `answers/${answerId}`)).status === "cancelled", "the answer was stopped");
  assert.ok((await get(service, `answers/${answerId}`)).text, "what was written is kept");
}

// The error that a model's refused key becomes: a sentence for the person, and nothing that only operators may see.
export function assertTold(message) {
  assert.match(message, /[가-힣]/);
  assert.doesNotMatch(message, /secret|401|Traceback/);
}
