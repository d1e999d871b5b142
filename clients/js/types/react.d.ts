/** The hook for React. */

import type {
  Answer,
  AskOptions,
  Client,
  ErrorContent,
  ImageContent,
  MetadataContent,
  Problem,
  ReferenceContent,
  ShownSource,
  StatusContent,
  WholeAnswer,
} from "./index.js";

/** What may be said with a question. The hook itself knows the rest. */
export type AskFields = Omit<AskOptions, "question" | "sessionId" | "signal" | "onState" | "onUpload" | "key">;

/** A question and its answer. */
export interface AskMessage {
  /** Another number for each message. */
  readonly key: number;
  readonly question: string;
  readonly fields: AskFields;
  readonly text: string;
  readonly references: ReferenceContent[];
  /** What the model is shown, with the numbers that the text cites. The references say at the end what it has cited. */
  readonly sources: ShownSource[];
  readonly images: ImageContent[];
  /** What became of each file so far. */
  readonly files: StatusContent[];
  readonly metadata: MetadataContent | null;
  /** `running` while the answer comes, and `failed` where it has failed or never came: `error` then says why. */
  readonly status: Exclude<WholeAnswer["status"], "">;
  readonly error: Problem | ErrorContent | null;
  readonly answer: Answer;
}

export interface Asking {
  messages: AskMessage[];
  /** A few words to show while nothing is written, such as "파일 분석 중", in the client's language. Empty otherwise. */
  stage: string;
  /** Whether an answer is coming. */
  isRunning: boolean;
  /** The conversation, or undefined while there is none. */
  sessionId: string | undefined;
  /** Ask, and resolve when the answer is over. An answer that is running ends. */
  ask(question: string, fields?: AskFields): Promise<void>;
  /** Stop the answer that is coming. What was written is kept. */
  stop(): Promise<void>;
  /** Ask the last question once more, or look for its answer again where only the connection was lost. */
  retry(): Promise<void> | undefined;
  /** Ask another question in the place of this message. That message and all behind it leave the list. */
  edit(index: number, question: string): Promise<void>;
}

/** Keep a conversation. All options are fields of each question. What runs is left when the component is unmounted. */
export declare function useAsk(client: Client, options?: AskFields & { sessionId?: string }): Asking;
