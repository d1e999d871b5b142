/** This module is a React hook for a conversation. React itself is the site's own (18 or newer). */

import { useCallback, useEffect, useRef, useState } from "react";

const STAGES = {
  en: {
    connecting: "Connecting …",
    reconnecting: "Connecting again …",
    thinking: "Thinking about the answer …",
    reading_file: "Reading the file …",
    retrieving: "Looking for what the files say …",
    searching_web: "Searching the web …",
    generating_image: "Drawing …",
    retrying: "Trying again …",
  },
  ko: {
    connecting: "연결하는 중",
    reconnecting: "다시 연결하는 중",
    thinking: "답변을 생각 중이에요",
    reading_file: "파일 분석 중",
    retrieving: "자료에서 찾아보는 중",
    searching_web: "웹 찾아보는 중",
    generating_image: "그림 그리는 중",
    retrying: "다시 시도하는 중",
  },
};
const ROOM = { text: "", references: [], files: [], metadata: null, status: "running", error: null };

/**
 * Keep a conversation. Returns its `messages` (each has `question`, `text`, `references`, `files`, `metadata`, `status` and
 * `error`), a `stage` to show while nothing is written ("파일 분석 중"; empty otherwise), `isRunning`, `sessionId`, and the
 * functions `ask(question, fields)`, `stop()`, `retry()` (the last question once more) and `edit(index, question)` (which
 * drops that message and all after it). Whatever runs is left when the component is unmounted.
 */
export function useAsk(client, { sessionId: given = "", ...usual } = {}) {
  const [messages, setMessages] = useState([]);
  const [stage, setStage] = useState("");
  const [sessionId, setSessionId] = useState(given);
  const running = useRef(null);
  const words = STAGES[client.language] || STAGES.en;

  const leave = useCallback(() => {
    running.current?.left.abort();
    running.current = null;
  }, []);
  useEffect(() => leave, [leave]);

  const ask = useCallback(
    async (question, fields = {}, from = Infinity) => {
      leave();
      const left = new AbortController();
      const asked = { question, fields };
      const change = (make) => left.signal.aborted || setMessages((all) => [...all.slice(0, -1), { ...all.at(-1), ...make(all.at(-1)) }]);
      setMessages((all) => [...all.slice(0, from), { ...ROOM, ...asked }]);
      const answer = client.ask({
        ...usual,
        ...fields,
        question,
        sessionId: sessionId || undefined,
        signal: left.signal,
        onState: (state) => left.signal.aborted || setStage(words[state] || ""),
      });
      running.current = { answer, left };
      try {
        for await (const frame of answer) {
          if (frame.type === "start") setSessionId(frame.content.sessionId);
          if (frame.type === "status") setStage(words[frame.content.stage] || "");
          else if (frame.type === "text") setStage("");
          change((message) => addFrame(message, frame));
        }
      } catch (error) {
        change(() => ({ status: "failed", error }));
      } finally {
        if (running.current?.left === left) {
          running.current = null;
          setStage("");
        }
      }
    },
    [client, leave, sessionId, usual, words],
  );

  return {
    messages,
    stage,
    sessionId,
    isRunning: messages.at(-1)?.status === "running",
    ask,
    stop: useCallback(() => running.current?.answer.cancel(), []),
    retry: () => messages.length && ask(messages.at(-1).question, messages.at(-1).fields, messages.length - 1),
    edit: (index, question) => ask(question, { ...messages[index].fields, replaces: messages[index].metadata?.answerId }, index),
  };
}

function addFrame(message, { type, content }) {
  if (type === "text") return { text: message.text + content };
  if (type === "restart") return { text: "", references: [] };
  if (type === "reference") return { references: [...message.references, content] };
  if (type === "status" && content.stage === "file") return { files: [...message.files, content] };
  if (type === "metadata" || type === "error") return { [type]: content };
  if (type === "done") return { status: content.status };
  return {};
}
