/** The element `<qa-chat>`. Whoever imports this module defines it, and may then write it into a page. */

/** What the element tells the page around it. */
export interface QaChatEvents {
  /** A question was sent. `files` are the names of its files. */
  asked: CustomEvent<{ question: string; files: string[] }>;
  /** An answer has ended. */
  answered: CustomEvent<{ sessionId: string; answerId: string; status: string; text: string }>;
  /** A question was refused, or an answer failed. `message` is a sentence for the person. */
  error: CustomEvent<{ code: string; message: string }>;
}

type EventsOfElement = Omit<HTMLElementEventMap, keyof QaChatEvents> & QaChatEvents;

/** The element. The documentation of the service describes its attributes, variables and parts. */
export interface QaChatElement extends HTMLElement {
  /** It gives the token that requests carry. It is called with `fresh` when the service has refused the last one. */
  token?: (wish: { fresh?: boolean }) => string | Promise<string>;
  /** Ask a question, as if the person had written it. */
  ask(question: string): void;
  /** Forget what was written and shown, because the person has left the site. */
  signOut(): void;
  addEventListener<Name extends keyof EventsOfElement>(
    type: Name,
    listener: (this: QaChatElement, event: EventsOfElement[Name]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "qa-chat": QaChatElement;
  }
}
