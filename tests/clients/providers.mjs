// What every provider of the AI SDK must do, whichever of OpenAI's APIs it asks. `model` is the provider's model.
import { streamText } from "ai";
import { assert, assertRead, assertStopped, get, randomUUID, script, stop, until, withPdf } from "./asking.mjs";

export async function assertStreams(service, model) {
  const result = streamText({ model, prompt: "안녕?" });
  let text = "";
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, service.text);
  assert.equal(await result.finishReason, "stop");
}

// `nameSession` gives the provider's options that name a session.
export async function assertReadsFile(service, model, nameSession) {
  const session = randomUUID();
  const result = streamText({ model, messages: withPdf(service), providerOptions: nameSession(session) });
  assert.equal(await result.text, service.text);
  await assertRead(service, session);
}

// Hanging up stops the answer, unless clients of this API may come back to it: `staysReachable`. Then it is stopped by
// its id.
export async function assertStopsAndShowsError(service, model, nameSession, { staysReachable = false } = {}) {
  const hangUp = new AbortController();
  const session = randomUUID();
  const stopped = streamText({ model, prompt: script("slow"), abortSignal: hangUp.signal, providerOptions: nameSession(session) });
  for await (const part of stopped.fullStream) {
    if (part.type === "text-delta") hangUp.abort();
    if (part.type === "abort") break;
  }
  const [{ answerId }] = (await get(service, `sessions/${session}`)).turns;
  if (staysReachable) await stop(service, answerId);
  await assertStopped(service, answerId);
  const errors = [];
  const failed = streamText({ model, prompt: script("401"), maxRetries: 0, onError: ({ error }) => errors.push(error) });
  for await (const part of failed.fullStream) void part;
  await until(() => errors.length, "the error");
  assert.doesNotMatch(errors[0].message ?? JSON.stringify(errors[0]), /secret/);
}
