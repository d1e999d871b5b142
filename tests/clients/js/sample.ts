// What TypeScript must accept, and what it must refuse.
import { Answer, createClient, createParser, Problem, wake, type AnswerFrame, type AnswerState, type SessionObject } from "qa-service-client";
import { useAsk, type AskMessage } from "qa-service-client/react";
import "qa-service-client/element";

const client = createClient({
  url: "https://example.com/api",
  token: async ({ again }) => (again ? "fresh" : null),
  storage: sessionStorage,
  fetch: (url, request) => fetch(url, request),
  retry: ({ retryable, code }) => retryable && code !== "rate_limited",
});

function show(frame: AnswerFrame): string | number | null {
  switch (frame.type) {
    case "start":
      return frame.content.answerId;
    case "status":
      return frame.content.stage === "reading_file" ? (frame.content.page ?? null) : null;
    case "text":
      return frame.content;
    case "image":
      return frame.content.url;
    case "reference":
      return frame.content.cites?.[0]?.quote ?? null;
    case "metadata":
      return frame.content.usage.total ?? frame.content.cost;
    case "error":
      return frame.content.userMessage;
    case "restart":
      return frame.content.reason;
    case "done":
      return frame.content.status;
    default:
      return frame satisfies never;
  }
}

export async function ask(files: FileList, signal: AbortSignal): Promise<string> {
  const states: AnswerState[] = [];
  const answer: Answer = client.ask({
    question: "보증 기간은?",
    files,
    topic: "keep",
    collections: ["own"],
    signal,
    onUpload: (share) => share.toFixed(1),
    onState: (state, problem) => (states.push(state), problem?.retryAfter),
  });
  for await (const frame of answer) show(frame);
  const { text, references, error } = await answer.answer();
  await answer.cancel();
  const { turns } = await client.json<SessionObject>(`sessions/${answer.sessionId}`, { signal });
  for await (const { status } of client.draw({ prompt: "고양이" })) states.includes(status as AnswerState);
  (await client.pending("s"))?.state satisfies AnswerState | undefined;
  const parser = createParser(({ data, id, type }) => [data, id, type].join(""));
  parser.read("data: a\n\n");
  wake();
  return text + references[0]?.title + error?.userMessage + turns[0]?.question;
}

export function Conversation(): AskMessage[] {
  const { messages, stage, isRunning, sessionId, ask, stop, retry, edit } = useAsk(client, { sessionId: "s", useWebSearch: true });
  void ask("?", { files: [new File([], "a")] }).then(stop).then(retry).then(() => edit(0, `${stage}${isRunning}${sessionId}`));
  for (const { error } of messages) if (error instanceof Problem) error.status.toFixed();
  return messages;
}

// @ts-expect-error A topic is one of three words.
client.ask({ question: "?", topic: "other" });
// @ts-expect-error The client chooses the format.
client.ask({ question: "?", format: "json" });
// @ts-expect-error A token is a function, so that it can be fresh.
createClient({ token: "secret" });
// @ts-expect-error Answers are made by a client.
new Answer();

const chat = document.querySelector("qa-chat")!;
chat.token = async ({ fresh }) => (fresh ? "fresh" : "kept");
chat.addEventListener("answered", ({ detail }) => detail.text.length);
chat.addEventListener("click", ({ clientX }) => clientX);
chat.ask("When?");
// @ts-expect-error - an error has a message and no text
chat.addEventListener("error", ({ detail }) => detail.text);
