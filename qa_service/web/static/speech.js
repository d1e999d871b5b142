/**
 * This module lets a person speak a question, where the browser can write down speech. The browser does that itself, and
 * some send the sound to their maker, so they ask the person first.
 */

import { language } from "./words.js";

const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;
const TAGS = { ko: "ko-KR", en: "en-US" };
/** After these the person knows why nothing was heard. */
const QUIET_ERRORS = ["aborted", "no-speech"];

/**
 * The button that begins and ends listening. It calls `heard(text)` with all that was said since it was pressed, again
 * and again while more is understood, and `failed()` when the browser may not listen.
 */
export class Speech {
  constructor(button, { began, heard, failed }) {
    Object.assign(this, { button, began, heard, failed, listening: null });
    button.hidden = !Recognition;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => (this.listening ? this.stop() : this.#start()));
  }

  /** Stop listening. What is understood later isn't told any more. */
  stop() {
    this.listening?.abort();
    this.#ended();
  }

  #start() {
    const mine = (this.listening = new Recognition());
    Object.assign(mine, { lang: TAGS[language()], continuous: true, interimResults: true });
    const isMine = (act) => (event) => this.listening === mine && act(event);
    mine.onresult = isMine(({ results }) => this.heard([...results].map(([best]) => best.transcript).join("")));
    mine.onerror = isMine(({ error }) => !QUIET_ERRORS.includes(error) && this.failed());
    mine.onend = isMine(() => this.#ended());
    this.button.setAttribute("aria-pressed", "true");
    this.began();
    mine.start();
  }

  #ended() {
    this.listening = null;
    this.button.setAttribute("aria-pressed", "false");
  }
}
