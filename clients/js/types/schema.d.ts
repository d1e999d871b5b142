// `python -m clients.write_types` has written this file from the service's schemas. Changes belong there.

/** These are the fields of a question. */
export interface QuestionFields {
  /** The question. It is trimmed. It may be left out where files are sent. */
  question?: string;
  /** Another name of `question`. Where both are sent, `question` counts. */
  message?: string;
  /** Another name of `question`. Where both are sent, `question` counts. */
  prompt?: string;
  /**
   * An earlier conversation, with which a new session begins. Where there is no `question`, the last message of the
   * user is the question. In a form, it is a text of JSON.
   */
  messages?: Array<{ role: "user" | "assistant" | "system" | "developer"; content: string | Array<{ type: "text" | "input_text" | "output_text"; text: string; }>; }>;
  /** Instructions for this question, beside the site's own. */
  systemPrompt?: string;
  /**
   * The conversation. Without one a new one begins. An unknown one begins anew under this id; the id of a visitor
   * without a credential must be a UUID or have at least 22 characters, or else another one is chosen.
   */
  sessionId?: string;
  /**
   * Whether the question belongs to the topic before it: `auto` finds that out, `keep` says that it does, and `new`
   * that it doesn't.
   */
  topic?: "auto" | "keep" | "new";
  /**
   * The id of an answer of this session. The question takes its place, and all answers after it are removed. The files
   * that came with it stay. Of several questions that name the same answer, only the last one is left, as long as no
   * other question came between them. Where the session has neither the answer nor, at its end, one that took its
   * place, nothing is removed, and the question is asked at the end. A question that is refused removes nothing.
   */
  replaces?: string;
  /** What happens while another answer of the session is being written: `replace` stops that one, `reject` is a 409. */
  onBusy?: "replace" | "reject";
  /**
   * What happens to the answer when its last reader has gone: it is finished or cancelled. Without this field, formats
   * whose readers can come back finish it, and all others cancel it.
   */
  onHangup?: "finish" | "cancel";
  /**
   * Whether `metadata` says where the sentences stand that no source supports: `check` says it, `on` doesn't. Without
   * this field the server's setting decides.
   */
  citations?: "on" | "check";
  /**
   * The collections to search: `own` stands for all of the caller's own ones, and `shared` for all shared ones. In a
   * form or an address, they are separated by commas.
   */
  collections?: Array<string>;
  /** Whether the knowledge base is searched. */
  knowledge?: boolean;
  /** The model, one of those that the server offers. */
  model?: string;
  /** It isn't sent to models that don't have it. */
  temperature?: number;
  /** It isn't sent to models that don't have it. */
  topP?: number;
  /** The longest answer, in tokens. */
  maxTokens?: number;
  /** Another name of `maxTokens`. Where both are sent, `maxTokens` counts. */
  maxOutputTokens?: number;
  /** Whether the model may search the web. */
  useWebSearch?: boolean;
  /** Another name of `useWebSearch`. Where both are sent, `useWebSearch` counts. */
  isWebSearch?: boolean;
}

/** This is an answer as `GET answers/{id}` and `stream=false` give it. `metadata` is null while it is written. */
export interface AnswerObject {
  /** The answer's id. */
  answerId: string;
  /** The conversation's id. */
  sessionId: string;
  /** The question. */
  question: string;
  /** The text. */
  text: string;
  /** How the answer ended, or `running`. */
  status: "running" | "completed" | "incomplete" | "cancelled" | "failed" | (string & {});
  /** The sources of the answer, in the order of their first citation. */
  references: Array<ReferenceContent>;
  /** The pictures that were drawn in the answer. */
  images?: Array<ImageContent>;
  /** The facts about the answer, or null while it is being written. */
  metadata: MetadataContent | null;
  /** Why the answer failed. It is left out where it didn't. */
  error?: ErrorContent | null;
  /** What the person who asked thinks of the answer. */
  feedback?: FeedbackContent | null;
  /** When it began (RFC 3339, in UTC). */
  createdAt: string;
}

/** A `Call` tells of one request to a model that a question caused. */
export interface Call {
  /** The model that answered. */
  model: string;
  /** What the model was asked for. */
  purpose: string;
  /** The numbers of tokens. */
  usage: Usage;
  /** What it cost, in the currency of the server's prices, or null where they aren't set. */
  cost?: number | null;
}

/** This says how the service knows who asks: by a site's login, a server's key, a personal key, or not at all. */
export interface CallerObject {
  /** `site` is a host site's login, `user` a server's key or a token, `key` a personal key. */
  kind: "site" | "user" | "key" | "anonymous" | (string & {});
}

/**
 * A `Cite` is a place in the answer that a source supports. `start` and `end` count the Unicode code points of the
 * whole text, and the text between them is the claim or the link. `quote` is the sentence of the source that supports
 * it.
 */
export interface Cite {
  /** Where the place begins, in Unicode code points of the whole text. */
  start: number;
  /** Where the place ends. */
  end: number;
  /** The sentence of the source that supports the answer. */
  quote?: string | null;
}

/** This is what a client must know before it asks. `kinds` are the kinds of files that are read. */
export interface ConfigObject {
  /** The kinds of files that are read. */
  kinds: Array<string>;
  /** The limits of a question. */
  limits: LimitsObject;
  /** The model that is asked if a question names none. */
  model: string;
  /** All models that a question may name. A name may be a pattern such as `ft:*`. */
  models: Array<string>;
  /** Whether a question may ask the model to search the web. */
  webSearch: boolean;
  /** What answers: `offline` where there is no model. */
  upstream: string;
  /** The sentence encoder that compares meanings, or null where only words are compared. */
  encoder: string | null;
  /** How the service knows who asks. */
  caller: CallerObject;
  /** How the site introduces itself. */
  introduction: IntroductionObject;
  /** Whether people who ask see the model, the tokens and the cost of an answer. */
  showCost: boolean;
  /** The currency of the server's prices, such as `USD`. */
  currency: string;
  /** The release of the service. */
  version: string;
}

/** This is the content of a `done` frame. */
export interface DoneContent {
  /** How the answer ended. */
  status: "running" | "completed" | "incomplete" | "cancelled" | "failed" | (string & {});
}

/** This is the last frame of an answer. */
export interface DoneFrame {
  /** The type of the frame. */
  type: "done";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: DoneContent;
}

/** This is the content of an `error` frame: a sentence for operators, and one for the person who asked. */
export interface ErrorContent {
  /** The code of the error, for programs. */
  code: string;
  /** What was wrong and what was expected, for operators. */
  message: string;
  /** A sentence for the person who asked, in their language. */
  userMessage: string;
  /** Whether trying again may help. */
  retryable: boolean;
  /** Trying again may help after this many seconds. */
  retryAfter?: number | null;
}

/** This frame says why the answer failed. */
export interface ErrorFrame {
  /** The type of the frame. */
  type: "error";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: ErrorContent;
}

/** This is what the person who asked thinks of an answer. `createdAt` is the moment when it was said. */
export interface FeedbackContent {
  /** Whether the answer was good. */
  rating: "up" | "down" | (string & {});
  /** What was good or bad. */
  comment?: string;
  /** When it was said (RFC 3339, in UTC). */
  createdAt: string;
}

/** These are the files that a conversation is answered from. */
export interface FileListObject {
  /** The entries of the list. */
  items: Array<FileObject>;
}

/** This is a file of a conversation. `topic` is the topic that it came with. */
export interface FileObject {
  /** The file's id. */
  fileId: string;
  /** The file's name. */
  name: string;
  /** The kind of the file, such as `pdf`. */
  kind: string;
  /** How many pages the file has. */
  pages: number;
  /** How many tokens the file's text has. */
  tokens: number;
  /** What became of the file. */
  status: "used" | "partly" | "truncated" | "skipped" | "failed" | (string & {});
  /** Why. */
  reason?: string | null;
  /** The pages that can't be read, such as scans. With other pages the file is `partly` used. */
  unreadPages?: Array<number>;
  /** The number of the topic that it came with. */
  topic: number;
}

/** This is the content of a `heartbeat`. It is empty, because a heartbeat only shows that the connection lives. */
export interface HeartbeatContent {
}

/** This frame shows that the connection lives. It has no number, because it isn't part of the answer. */
export interface HeartbeatFrame {
  /** The type of the frame. */
  type: "heartbeat";
  /** What the frame brings. */
  content: HeartbeatContent;
}

/**
 * This is the content of an `image` frame: a picture, or a part of it, that takes the place of an earlier one with the
 * same `index`. `url` is a path under the public prefix that needs no credential, and expires.
 */
export interface ImageContent {
  /** The number of the picture. */
  index: number;
  /** Whether the picture isn't finished. */
  partial: boolean;
  /** The media type of the picture. */
  mimeType: string;
  /** The path of the picture. It needs no credential, and expires. */
  url: string;
}

/** This frame shows a picture that the model draws, or a part of it. */
export interface ImageFrame {
  /** The type of the frame. */
  type: "image";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: ImageContent;
}

/** An `ImageLine` is a line with a picture as far as it has been drawn, or with all pictures when they are finished. */
export interface ImageLine {
  /** The number of the line, counted from 0. */
  output_index: number;
  /** Pictures in base64. */
  partial_image_b64s: Array<string>;
  /** What it cost, in the words of OpenAI's API, in the last line. */
  usage: unknown | null;
  /** `completed` in the last line, and `partial` before. */
  status: "completed" | "partial";
  /** The model that has drawn, in the last line. */
  final_model: string | null;
}

/**
 * An `ImageResult` is a picture about the answer. `url` is the picture's own address, and `source` the host of the page
 * that shows it.
 */
export interface ImageResult {
  /** The title. */
  title: string;
  /** The address of the picture itself. */
  url: string;
  /** The address of a small picture. */
  thumbnail: string;
  /** The host of the page that shows the picture. */
  source: string;
}

/**
 * This is how the site introduces itself. Each text is given in both languages, and is null where the site says
 * nothing.
 */
export interface IntroductionObject {
  /** The site's name, or null. */
  name: SiteText | null;
  /** What is said before the first question, or null. */
  greeting: SiteText | null;
  /** Example questions, or null. */
  examples: SiteTexts | null;
  /** The address of the site's logo, or null. */
  logo: string | null;
  /** The colour of the site, such as `#0f6b5c`, or null. */
  accent: string | null;
}

/** These are the limits of a question: its characters, its files, and the bytes of a file and of the whole request. */
export interface LimitsObject {
  /** The most characters of a question. */
  question: number;
  /** The most files of one question. */
  files: number;
  /** The most bytes of one file. */
  fileBytes: number;
  /** The most bytes of a whole request. */
  bodyBytes: number;
}

/** This is the content of a `metadata` frame. `cost` is null where the site has set no price for the model. */
export interface MetadataContent {
  /** The conversation's id. */
  sessionId: string;
  /** The answer's id. */
  answerId: string;
  /** The model that answered. */
  model: string;
  /** The numbers of tokens. */
  usage: Usage;
  /** Every request to a model that the question caused. */
  calls: Array<Call>;
  /** What it cost, in the currency of the server's prices, or null where they aren't set. */
  cost: number | null;
  /** How long it took. */
  timing: Timing;
  /** The topic of the question. */
  topic: TopicNotice;
  /** One verdict for each file of the question. */
  files: Array<VerdictContent>;
  /** Why the answer ended. */
  finishReason: "stop" | "length" | "content_filter" | "refusal" | "cancelled" | "error" | (string & {});
  /** Whether the answer was stored. */
  saved: boolean;
  /** Pictures that belong to the answer. */
  imageResults?: Array<ImageResult>;
  /** Videos that belong to the answer. */
  videoResults?: Array<VideoResult>;
  /** Where the sentences stand that no source supports, if the site has them looked for. */
  unsupported?: Array<TextSpan>;
}

/**
 * This frame holds the facts about the whole answer. Those that clients look for first also stand beside the content.
 */
export interface MetadataFrame {
  /** The type of the frame. */
  type: "metadata";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: MetadataContent;
  /** The numbers of tokens. */
  usage: Usage;
  /** Pictures that belong to the answer. */
  imageResults?: Array<ImageResult>;
  /** Videos that belong to the answer. */
  videoResults?: Array<VideoResult>;
}

/**
 * This is the text of one page of a file. `section` is empty where the page belongs to none, and `label` where the page
 * has no printed number of its own.
 */
export interface PageObject {
  /** The file's id. */
  fileId: string;
  /** The file's name. */
  name: string;
  /** The page, counted from 1. */
  page: number;
  /** How many pages the file has. */
  pages: number;
  /** The text. */
  text: string;
  /** Where it stands: a heading, a page's printed label, a slide, a sheet and its rows, or a mail's part. */
  section: string;
  /** The number that is printed on the page, such as `iv`. It is empty where that is its place in the file. */
  label: string;
}

/**
 * This is a refusal (RFC 9457). `message` repeats `detail`, and `userMessage` is a sentence for the person who asked.
 * `field` is the field that is wrong, and `answerId` the answer that keeps the conversation busy.
 */
export interface ProblemObject {
  /** The type of the problem (RFC 9457). It is always `about:blank`. */
  type: string;
  /** The name of the HTTP status. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** What was wrong and what was expected, for operators. */
  detail: string;
  /** The code of the error, for programs. */
  code: string;
  /** What was wrong and what was expected, for operators. */
  message: string;
  /** A sentence for the person who asked, in their language. */
  userMessage: string;
  /** Whether trying again may help. */
  retryable: boolean;
  /** Trying again may help after this many seconds. */
  retryAfter?: number | null;
  /** The field that was wrong. */
  field?: string | null;
  /** The answer's id. */
  answerId?: string | null;
}

/**
 * This is the content of a `reconnect`. The answer goes on elsewhere, and the reader may come back after `backoffMs`.
 */
export interface ReconnectContent {
  /** Why. */
  reason: string;
  /** The reader may come back after this many milliseconds. */
  backoffMs: number;
}

/** This frame says that the connection ends here and the answer goes on elsewhere. It has no number. */
export interface ReconnectFrame {
  /** The type of the frame. */
  type: "reconnect";
  /** What the frame brings. */
  content: ReconnectContent;
}

/** This is the content of a `reference` frame. A document's `url` is a path under the public prefix. */
export interface ReferenceContent {
  /** The number by which the text cites the source. */
  n: number;
  /** Whether it is an address or a document. */
  kind: "url" | "document" | (string & {});
  /** The title. */
  title?: string;
  /** Where the source is found. A document's address is a path at this server. */
  url?: string;
  /** The id of the file or the document that is cited. */
  documentId?: string | null;
  /** The file's name. */
  file?: string | null;
  /** The page, counted from 1. */
  page?: number | null;
  /** Where it stands: a heading, a page's printed label, a slide, a sheet and its rows, or a mail's part. */
  section?: string | null;
  /** The earlier topic that the file came with. It is left out where that is the question's. */
  topic?: number | null;
  /** The sentence of the source that supports the answer. */
  quote?: string | null;
  /** The places in the answer that the source supports. */
  cites?: Array<Cite>;
}

/** This frame names a source of the answer. The address of the source also stands beside the content. */
export interface ReferenceFrame {
  /** The type of the frame. */
  type: "reference";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: ReferenceContent;
  /** Where the source is found. A document's address is a path at this server. */
  url: string;
}

/** This is the content of a `restart` frame. `reason` says why the text so far doesn't count. */
export interface RestartContent {
  /** Why. */
  reason: string;
}

/** This frame says that the text so far doesn't count, and that the answer begins again. */
export interface RestartFrame {
  /** The type of the frame. */
  type: "restart";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: RestartContent;
}

/** This is a conversation in a list of conversations. `turns` is the number of its questions. */
export interface SessionEntryObject {
  /** The conversation's id. */
  sessionId: string;
  /** The title. */
  title: string;
  /** When it began (RFC 3339, in UTC). */
  createdAt: string;
  /** When the conversation last changed (RFC 3339, in UTC). */
  updatedAt: string;
  /** How many questions were asked. */
  turns: number;
}

/** These are conversations, newest first. `next` is the cursor of those that follow, or null. */
export interface SessionListObject {
  /** The entries of the list. */
  items: Array<SessionEntryObject>;
  /** The cursor of what follows, or null at the end. */
  next: string | null;
}

/** This is a conversation, newest turns first. `next` is the cursor of the turns before these, or null. */
export interface SessionObject {
  /** The conversation's id. */
  sessionId: string;
  /** The title. */
  title: string;
  /** When it began (RFC 3339, in UTC). */
  createdAt: string;
  /** When the conversation last changed (RFC 3339, in UTC). */
  updatedAt: string;
  /** The number of the current topic, to which the next question belongs unless it leaves it. */
  topic: number;
  /** The topics of the conversation. */
  topics: Array<Topic>;
  /** The questions with their answers, newest first; fewer than `limit` where they are long. */
  turns: Array<TurnObject>;
  /** The files that the conversation is answered from. */
  files: Array<FileObject>;
  /** The cursor of what follows, or null at the end. */
  next: string | null;
}

/** A `ShownPassage` is a passage that the model is shown. `n` is the number by which the text cites it. */
export interface ShownPassage {
  /** The number by which the text cites the source. */
  n: number;
  /** The page, counted from 1. */
  page?: number | null;
  /** Where it stands: a heading, a page's printed label, a slide, a sheet and its rows, or a mail's part. */
  section?: string | null;
}

/**
 * A `ShownSource` is a source with those of its passages that the model is shown. A page of a document is found at
 * `url`, a slash and the number of the page. A passage without a page is on page 1.
 */
export interface ShownSource {
  /** Whether it is an address or a document. */
  kind: "url" | "document" | (string & {});
  /** The title. */
  title: string;
  /** The page's address, or the path of a document's pages, without the number of the page. */
  url: string;
  /** The id of the file or the document that is cited. */
  documentId: string;
  /** The passages of the source that the model is shown. */
  passages: Array<ShownPassage>;
}

/** A `SiteText` is one text in both languages. Both are the same where a site has given it in one alone. */
export interface SiteText {
  /** In Korean. */
  ko: string;
  /** In English. */
  en: string;
}

/** A `SiteTexts` is a list of texts in both languages. */
export interface SiteTexts {
  /** In Korean. */
  ko: Array<string>;
  /** In English. */
  en: Array<string>;
}

/** This is the content of a `start` frame. */
export interface StartContent {
  /** The answer's id. */
  answerId: string;
  /** The conversation's id. */
  sessionId: string;
  /** Whether the conversation begins with this question. */
  created: boolean;
  /** The model that was asked for. */
  model: string;
  /** The topic of the question. */
  topic: TopicNotice;
  /** When it began (RFC 3339, in UTC). */
  createdAt: string;
}

/** This is the first frame of an answer. */
export interface StartFrame {
  /** The type of the frame. */
  type: "start";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: StartContent;
}

/**
 * This is the content of a `status` frame: the stage, and what is known at that stage. `sources` come where the search
 * for passages is over: by them a reader can open what a number in the text cites, before its `reference` has come.
 * They replace those of an earlier frame, and a `restart` takes them back.
 */
export interface StatusContent {
  /** What is being done. */
  stage: "file" | "generating_image" | "reading_file" | "retrieving" | "retrying" | "searching_web" | "thinking";
  /** The file's name. */
  name?: string | null;
  /** The page, counted from 1. */
  page?: number | null;
  /** How many pages the file has. */
  pages?: number | null;
  /** What is searched for. */
  query?: string | null;
  /** Which try begins now, counted from 1. */
  attempt?: number | null;
  /** Why. */
  reason?: string | null;
  /** The kind of the file, such as `pdf`. */
  kind?: string | null;
  /** What became of the file. */
  status?: "used" | "partly" | "truncated" | "skipped" | "failed" | (string & {}) | null;
  /** How many tokens the file's text has. */
  tokens?: number | null;
  /** The pages that can't be read, such as scans. With other pages the file is `partly` used. */
  unreadPages?: Array<number>;
  /** What the model is shown. The least important is left out where that is too much for one frame. */
  sources?: Array<ShownSource> | null;
}

/** This frame says what is being done while no text comes. */
export interface StatusFrame {
  /** The type of the frame. */
  type: "status";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** What the frame brings. */
  content: StatusContent;
}

/** This frame is a piece of the answer. */
export interface TextFrame {
  /** The type of the frame. */
  type: "text";
  /** The frame's number. It grows, and never repeats. */
  seq: number;
  /** A piece of the answer's text. */
  content: string;
}

/** A `TextSpan` is a place in the answer. `start` and `end` count the Unicode code points of the whole text. */
export interface TextSpan {
  /** Where the place begins, in Unicode code points of the whole text. */
  start: number;
  /** Where the place ends. */
  end: number;
}

/** A `Timing` holds times in milliseconds since the question was accepted. There is no first one where no text came. */
export interface Timing {
  /** The milliseconds until the first text, or null where none came. */
  firstTokenMs: number | null;
  /** The milliseconds until the end. */
  totalMs: number;
}

/** A `Topic` is a part of a session that is about one subject. Topics are counted from 1. */
export interface Topic {
  /** The number of the topic, counted from 1. */
  index: number;
  /** The title. */
  title: string;
  /** How many questions were asked. */
  turns: number;
}

/** This tells the client which topic its question belongs to. */
export interface TopicNotice {
  /** The number of the topic, counted from 1. */
  index: number;
  /** Whether a new topic began with this question. */
  drifted: boolean;
  /** How sure it is that a new topic began, from 0 to 1. */
  score: number;
  /** Whether an earlier topic goes on. */
  reopened?: boolean;
}

/** This is a question and its answer in the list of a conversation. `metadata` is null while it is written. */
export interface TurnObject {
  /** The answer's id. */
  answerId: string;
  /** The question. */
  question: string;
  /** The text. */
  text: string;
  /** The sources of the answer, in the order of their first citation. */
  references: Array<ReferenceContent>;
  /** The pictures that were drawn in the answer. */
  images?: Array<ImageContent>;
  /** How the answer ended, or `running`. */
  status: "running" | "completed" | "incomplete" | "cancelled" | "failed" | (string & {});
  /** The topic of the question. */
  topic: number;
  /** One verdict for each file of the question. */
  files: Array<VerdictContent>;
  /** The facts about the answer, or null while it is being written. */
  metadata: MetadataContent | null;
  /** Why the answer failed. It is left out where it didn't. */
  error?: ErrorContent | null;
  /** What the person who asked thinks of the answer. */
  feedback?: FeedbackContent | null;
  /** When it began (RFC 3339, in UTC). */
  createdAt: string;
}

export type TypedFrame = StartFrame | StatusFrame | TextFrame | ImageFrame | ReferenceFrame | MetadataFrame | ErrorFrame | RestartFrame | DoneFrame | HeartbeatFrame | ReconnectFrame;

/**
 * A `Usage` holds the numbers of tokens, as upstream counted them. Where upstream never said them, they are our
 * estimate, and `estimated` is true.
 */
export interface Usage {
  /** The tokens of the prompt. */
  input?: number;
  /** The tokens of the answer. */
  output?: number;
  /** All tokens. */
  total?: number;
  /** Those of the input that upstream had in its cache. */
  cached?: number;
  /** Those of the output that nobody sees, because the model thought with them. */
  reasoning?: number;
  /** Whether the numbers are our estimate, because upstream never said them. */
  estimated?: boolean;
}

/** This says what became of one file of a question. `reason` says why it wasn't used, or not wholly. */
export interface VerdictContent {
  /** The file's name. */
  name: string;
  /** The kind of the file, such as `pdf`. */
  kind: string;
  /** What became of the file. */
  status: "used" | "partly" | "truncated" | "skipped" | "failed" | (string & {});
  /** Why. */
  reason?: string | null;
  /** How many pages the file has. */
  pages: number;
  /** How many tokens the file's text has. */
  tokens: number;
  /** The pages that can't be read, such as scans. With other pages the file is `partly` used. */
  unreadPages?: Array<number>;
}

/** A `VideoResult` is a video about the answer. `id` is YouTube's; `channel` is empty where nobody was asked for it. */
export interface VideoResult {
  /** YouTube's id of the video. */
  id: string;
  /** The title. */
  title: string;
  /** The address at which the video is shown. */
  url: string;
  /** The address of a small picture. */
  thumbnail: string;
  /** The channel of the video. */
  channel: string;
}
