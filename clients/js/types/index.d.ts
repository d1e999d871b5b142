/** The client of qa-service. The types of frames and objects are made from the service's own schemas. */

import type {
  AnswerObject,
  ErrorContent,
  HeartbeatFrame,
  ImageContent,
  ImageLine,
  MetadataContent,
  QuestionFields,
  ReconnectFrame,
  ReferenceContent,
  TypedFrame,
} from "./schema.js";

export type * from "./schema.js";

/** A frame of an answer. The frames by which a connection is kept and moved are the client's own. */
export type AnswerFrame = Exclude<TypedFrame, HeartbeatFrame | ReconnectFrame>;

/**
 * - `connecting`: the question is being sent, or the answer is being looked for.
 * - `streaming`: there is a connection.
 * - `reconnecting`: the connection was lost, or the service wants to be left alone for a while.
 * - `gave up`: it was tried as often as it may be.
 * - `failed`: the service has refused, or `signal` was aborted.
 * - `done`: the answer is over, however it ended.
 */
export type AnswerState = "new" | "connecting" | "streaming" | "reconnecting" | "gave up" | "failed" | "done";

/** The part of `sessionStorage`, `localStorage` or an app's storage that the client uses. Promises are waited for. */
export interface AnswerStorage {
  getItem(name: string): string | null | undefined | Promise<string | null | undefined>;
  setItem(name: string, value: string): unknown;
  removeItem(name: string): unknown;
}

export interface ClientOptions {
  /** The address of the API, such as `https://example.com/api`. A browser may have a path (by default `/api`). */
  url?: string;
  /** Gives the credential to send, if there is one. After a 401 it is called once more with `again`. */
  token?: (how: { again: boolean }) => string | null | undefined | Promise<string | null | undefined>;
  /** Headers that are sent with each request. */
  headers?: Record<string, string>;
  /** Whether cookies are sent to another origin, as `fetch` takes it. */
  credentials?: RequestCredentials;
  /** The language of messages for people. By default it is that of the platform. */
  language?: "ko" | "en" | (string & {});
  /** The `fetch` to use, such as that of `expo/fetch`. */
  fetch?: (url: string, request?: any) => Promise<any>;
  /** Keeps the id of an answer that is being written, so that `pending` finds it after the page was loaded again. */
  storage?: AnswerStorage;
  /** For how many milliseconds a connection may be silent (45,000). The service says something every 8 seconds. */
  silence?: number;
  /** How often in a row a lost connection is tried again (10). */
  tries?: number;
  /** The pause before the second attempt, in milliseconds (1,000). Each later one is half as long again, up to 30 s. */
  pause?: number;
  /**
   * Whether it helps to try again after this problem of this answer. By default that is so where the service says it, unless the
   * conversation is busy, or the service wants to be left alone for more than two minutes.
   */
  retry?: (problem: Problem, answer: Answer) => boolean;
}

/** How an answer is followed. */
export interface FollowOptions {
  /** Aborting it closes the connection and ends the loop with an `AbortError`. The answer itself goes on. */
  signal?: AbortSignal;
  /** Is called with each new state, and with the problem that has caused it, if there was one. */
  onState?: (state: AnswerState, problem: Problem | null) => void;
  /** Only frames behind the one with this number are given. */
  after?: number;
}

/** A file of an app of React Native. */
export interface NativeFile {
  uri: string;
  name: string;
  type: string;
}

/** A question: the fields of the service's contract, and how it is asked. */
export interface AskOptions extends QuestionFields, Omit<FollowOptions, "after"> {
  files?: ArrayLike<File | Blob | NativeFile> & Iterable<File | Blob | NativeFile>;
  /** Is called with the share of the files that was sent, from 0 to 1. Without XMLHttpRequest only the end is told. */
  onUpload?: (share: number) => void;
  /** The idempotency key. A question with the same key gets the same answer, which is paid once. */
  key?: string;
}

/** A whole answer. What came before a `restart` isn't in it. */
export interface WholeAnswer {
  answerId: string;
  sessionId: string;
  text: string;
  references: ReferenceContent[];
  images: ImageContent[];
  metadata: MetadataContent | null;
  error: ErrorContent | null;
  status: AnswerObject["status"] | "";
}

export declare class Answer implements AsyncIterable<AnswerFrame> {
  private constructor();
  /** The answer's id, or an empty text while it isn't known. */
  readonly id: string;
  readonly sessionId: string;
  readonly state: AnswerState;
  /** Nothing is sent before the first loop begins. A loop that throws may be repeated: it then tries again. */
  [Symbol.asyncIterator](): AsyncGenerator<AnswerFrame, void, undefined>;
  /** The whole text, once the answer is over. Throws a `Problem` where the answer has failed. */
  text(): Promise<string>;
  /** The whole answer, once it is over. */
  answer(): Promise<WholeAnswer>;
  /**
   * Stop the answer. What was written so far is kept, and the frames end with a `done` whose status is `cancelled`. A
   * question that was sent is stopped as soon as its answer has begun. An upload whose answer hasn't begun within a second is
   * cut, and so is a question that has lost its connection.
   */
  cancel(): Promise<void>;
}

/** A request that failed. */
export declare class Problem extends Error {
  constructor(fields?: Partial<Omit<Problem, "name">> & { language?: string; cause?: unknown });
  /** The service's code, or `network` where nothing came, or `not_the_service` where a login or an error page came. */
  readonly code: string;
  /** One sentence for the person who asked. `message` is for developers. */
  readonly userMessage: string;
  readonly retryable: boolean;
  /** How many seconds the service wants to be left alone, or null. */
  readonly retryAfter: number | null;
  /** The status of HTTP, or 0 where there was no response. */
  readonly status: number;
  /** The field that the service has refused. */
  readonly field?: string;
}

export interface RequestOptions {
  method?: string;
  /** An object or a list, which is sent as JSON, or any other body as `fetch` takes it. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface DrawOptions {
  prompt: string;
  model?: string;
  signal?: AbortSignal;
}

export interface Client {
  /** The language of messages for people. It may be changed. */
  language: string;
  ask(question: AskOptions): Answer;
  /** Follow an answer that was asked for elsewhere or before. */
  follow(answerId: string, options?: FollowOptions): Answer;
  /** The answer that is being written in this conversation, as `storage` knows it, or null. */
  pending(sessionId: string, options?: FollowOptions): Promise<Answer | null>;
  /** Have pictures drawn. The last object has the status `completed`. */
  draw(options: DrawOptions): AsyncGenerator<ImageLine, void, undefined>;
  /** Send a request to a path of the API, such as `sessions`, and return the JSON of its response. */
  json<T = unknown>(path: string, options?: RequestOptions): Promise<T>;
  /** Send a request to a path of the API, and return its response as pieces of text. */
  open(
    path: string,
    options?: RequestOptions & { accept?: string },
  ): Promise<{ status: number; type: string; pieces: AsyncIterable<string> }>;
}

export declare function createClient(options?: ClientOptions): Client;

/** Say that an app is in front again (browsers say it by themselves). Connections that were silent since are replaced. */
export declare function wake(): void;

/** An event of a stream. `type` is `message` where the stream names none. */
export interface StreamEvent {
  type: string;
  data: string;
  id: string;
}

/** Make a parser of event streams. Its `read` takes the pieces of a stream in their order. */
export declare function createParser(tell: (event: StreamEvent) => void): { read(text: string): void };
