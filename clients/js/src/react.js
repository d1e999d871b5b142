"use client";
/** This module is a React hook for a conversation. React itself is the site's own (18 or newer). */

import { useEffect, useRef, useState } from "react";

const STAGES = {
  en: {
    uploading: "Sending the files …",
    connecting: "Connecting …",
    reconnecting: "Connecting again …",
    thinking: "Thinking about the answer …",
    reading_file: "Reading the files …",
    file: "Reading the files …",
    retrieving: "Looking for what the files say …",
    searching_web: "Searching the web …",
    generating_image: "Drawing …",
    retrying: "Trying again …",
  },
  ko: {
    uploading: "파일 보내는 중",
    connecting: "연결하는 중",
    reconnecting: "다시 연결하는 중",
    thinking: "답변을 생각 중이에요",
    reading_file: "파일 분석 중",
    file: "파일 분석 중",
    retrieving: "자료에서 찾아보는 중",
    searching_web: "웹 찾아보는 중",
    generating_image: "그림 그리는 중",
    retrying: "다시 시도하는 중",
  },
};
const EMPTY = { text: "", references: [], sources: [], images: [], files: [], metadata: null, status: "running", error: null };

/**
 * Keep a conversation. Returns its `messages`, a `stage` to show while nothing is written ("파일 분석 중"; empty otherwise),
 * `isRunning`, `sessionId`, and the functions `ask(question, fields)`, `stop()`, `retry()` and `edit(index, question)`. The
 * types of the package describe them. What runs is left when the component is unmounted.
 */
export function useAsk(client, { sessionId: given, ...usual } = {}) {
  const [messages, setMessages] = useState([]);
  const [stage, setStage] = useState("");
  const [sessionId, setSessionId] = useState(given);
  /** What is known by now, also to functions of an earlier render. */
  const known = useRef({ messages, sessionId }).current;
  const running = useRef(null);
  const count = useRef(0);
  const words = STAGES[client.language] || STAGES.en;

  const leave = () => {
    running.current?.left.abort();
    running.current = null;
  };
  useEffect(() => leave, []);

  const list = (all) => setMessages((known.messages = all));

  /** Change what is known of one message. */
  const change = (key, make) => list(known.messages.map((each) => (each.key === key ? { ...each, ...make(each) } : each)));

  /** Show the frames of a message's answer until it is over, or until another question is asked. */
  async function show({ key, answer, left }) {
    const mine = (running.current = { answer, left });
    const isMine = () => running.current === mine;
    change(key, () => EMPTY);
    try {
      for await (const frame of answer) {
        if (!isMine()) return;
        if (frame.type === "start") setSessionId((known.sessionId = frame.content.sessionId));
        if (frame.type === "status") setStage(words[frame.content.sources ? "thinking" : frame.content.stage] || "");
        if (frame.type === "text") setStage("");
        change(key, (message) => addFrame(message, frame));
      }
    } catch (error) {
      if (isMine()) change(key, () => ({ status: "failed", error }));
    } finally {
      if (isMine()) running.current = null;
      if (!running.current) setStage("");
    }
  }

  function ask(question, fields = {}, from = known.messages.length) {
    leave();
    const left = new AbortController();
    const told = (name) => left.signal.aborted || setStage(words[name] || "");
    const answer = client.ask({
      ...usual,
      ...fields,
      question,
      sessionId: known.sessionId,
      signal: left.signal,
      onState: told,
      onUpload: fields.files?.length ? (share) => share < 1 && told("uploading") : undefined,
    });
    const message = { ...EMPTY, key: count.current++, question, fields, answer, left };
    list([...known.messages.slice(0, from).map(endMessage), message]);
    return show(message);
  }

  /** Ask again in the place of a message. The service forgets that message and all behind it. */
  function replace(index, question) {
    const { answer, fields } = known.messages[index];
    return ask(question, { ...fields, replaces: answer.id || undefined }, index);
  }

  /** An answer that was lost is looked for again. One that is over is asked for anew. */
  function retry() {
    const last = known.messages.at(-1);
    if (!last || last.status === "running") return undefined;
    return last.answer.state === "done" || last.left.signal.aborted ? replace(known.messages.length - 1, last.question) : show(last);
  }

  return {
    messages,
    stage,
    sessionId,
    isRunning: messages.at(-1)?.status === "running",
    ask: (question, fields) => ask(question, fields),
    stop: async () => running.current?.answer.cancel(),
    retry,
    edit: replace,
  };
}

/** A question that came later has taken the place of an answer that was running. */
function endMessage(message) {
  return message.status === "running" ? { ...message, status: "cancelled" } : message;
}

function addFrame(message, { type, content }) {
  if (type === "text") return { text: message.text + content };
  if (type === "restart") return { text: "", references: [], sources: [], images: [] };
  if (type === "reference") return { references: [...message.references, content] };
  if (type === "image") return { images: [...message.images.filter(({ index }) => index !== content.index), content] };
  if (type === "status" && content.sources) return { sources: content.sources };
  if (type === "status" && content.stage === "file") return { files: [...message.files, content] };
  if (type === "metadata" || type === "error") return { [type]: content };
  if (type === "done") return { status: content.status };
  return {};
}
