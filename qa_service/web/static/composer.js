/** This module has the form in which a question is written. */

import { Attachments } from "./attachments.js";
import { keepDraft, readDraft } from "./drafts.js";
import { element } from "./element.js";
import { isComposing, isSending, isWrittenByTouch } from "./enter.js";
import { Speech } from "./speech.js";
import { count, say, words } from "./words.js";

/**
 * Files may be dropped on `zone`, over which `veil` says so. The form calls `listener.ask({question, files, topic,
 * webSearch, model})` and `listener.stop()`.
 */
export class Composer {
  constructor(form, { limits, memory, announce, zone, veil, listener }) {
    const part = (name) => form.querySelector(`[data-part="${name}"]`);
    Object.assign(this, { form, root: form.getRootNode(), limits, memory, announce, listener, answering: false, ahead: "" });
    this.field = part("question");
    this.sendButton = part("send");
    this.stopButton = part("stop");
    this.topicButton = part("topic");
    this.searchButton = part("search");
    this.models = part("model");
    this.complaint = part("complaint");
    const [list, picker] = [part("files"), part("picker")];
    this.attachments = new Attachments({ list, picker, zone, veil, limits,
      complain: (text) => this.complain(text), changed: () => this.#keep() });
    this.speech = this.#speechFor(part("speak"));
    this.field.enterKeyHint = isWrittenByTouch() ? "enter" : "send";
    this.#listen(part("attach"));
  }

  /** Show what the server offers. */
  offer({ webSearch = false, models = [], model = "", kinds = [] }) {
    this.attachments.kinds = kinds;
    this.searchButton.hidden = !webSearch;
    const plain = models.filter((name) => !/[*?[]/.test(name));
    this.models.hidden = plain.length < 2;
    this.models.replaceChildren(...plain.map((name) => new Option(name, name, name === model, name === model)));
  }

  /** Show a send button, or a stop button while an answer is coming. */
  show({ answering, canChangeTopic }) {
    const hadFocus = this.form.contains(this.root.activeElement);
    this.answering = answering;
    this.sendButton.hidden = answering;
    this.stopButton.hidden = !answering;
    this.topicButton.hidden = !canChangeTopic;
    if (hadFocus && !this.form.contains(this.root.activeElement)) this.field.focus();
  }

  /**
   * Show what was being written in this conversation. Its id is empty while it hasn't begun. `keepsText` says whether the
   * text that is in the field now stays there, too. At the first call it does, because people may have written before this
   * script was there.
   */
  turnTo(sessionId, { keepsText = this.sessionId === undefined } = {}) {
    if (this.sessionId === sessionId) return;
    const kept = keepsText ? this.field.value : "";
    this.sessionId = sessionId;
    const { text, files } = readDraft(this.memory, sessionId);
    this.ahead = text === kept ? "" : text;
    if (!kept || !this.#mayCompose()) this.#putAhead(kept);
    this.attachments.showMissing(files);
    this.#wrote();
  }

  /** Whether a syllable may be half written. Nothing tells that of one that was begun before this script was there. */
  #mayCompose() {
    return this.root.activeElement === this.field && /[^\x00-\x7f]$/.test(this.field.value.slice(0, this.field.selectionEnd));
  }

  /** Put the draft before what was written until this script came. Writing into the field breaks off a syllable. */
  #putAhead(kept = this.field.value) {
    const written = this.#whole(kept);
    this.ahead = "";
    if (this.field.value !== written) this.field.value = written;
  }

  #whole(kept = this.field.value) {
    return [this.ahead, kept].filter(Boolean).join("\n");
  }

  /** The syllable is written by now, whatever it was. */
  #composed({ isComposing }) {
    if (!this.ahead || isComposing) return;
    this.#putAhead();
    this.#wrote();
  }

  /** The conversation has begun by now, and what is being written is written in it. */
  moveTo(sessionId) {
    if (this.sessionId === sessionId) return;
    keepDraft(this.memory, this.sessionId);
    this.sessionId = sessionId;
    this.#keep();
  }

  write(text) {
    this.field.value = text;
    this.#wrote();
    this.field.focus();
  }

  /** Forget what is written, and the files that are attached. */
  empty() {
    this.ahead = this.field.value = "";
    this.attachments.take();
    this.#wrote();
  }

  /** Put a refused question back with its files, unless another one is being written. */
  giveBack({ question, files }) {
    if (this.field.value || this.attachments.files.length) return;
    this.write(question);
    this.attachments.add(files);
  }

  /** Tell what the trouble is. `offer`, `{ key, act }`, is a button with what the person can do. */
  complain(text, offer = null) {
    const act = () => (this.complain(""), offer.act());
    this.complaint.replaceChildren(text, offer ? say(element("button", { type: "button", class: "text", onclick: act }), offer.key) : "");
    this.complaint.hidden = !text;
  }

  #listen(attach) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("keydown", (event) => this.#enter(event));
    this.field.addEventListener("input", () => this.#wrote());
    for (const type of ["input", "compositionend", "blur"]) this.field.addEventListener(type, (event) => this.#composed(event));
    this.field.addEventListener("paste", (event) => this.#paste(event));
    this.stopButton.addEventListener("click", () => this.listener.stop());
    attach.addEventListener("click", () => this.attachments.picker.click());
    for (const button of [this.topicButton, this.searchButton]) {
      button.addEventListener("click", () => press(button, !isPressed(button)));
    }
    this.root.addEventListener("keydown", (event) => this.#escape(event));
  }

  #speechFor(button) {
    let before = "";
    return new Speech(button, {
      began: () => (before = this.field.value.trimEnd()),
      heard: (text) => this.#writeSpeech([before, text.trim()].filter(Boolean).join(" ")),
      failed: () => this.complain(words("speechRefused")),
    });
  }

  /** The focus stays at the button that ends listening, and no keyboard comes up on a phone. */
  #writeSpeech(text) {
    this.field.value = text;
    this.#wrote();
  }

  /** A key that is held down sends once. */
  #enter(event) {
    if (!isSending(event, { byTouch: isWrittenByTouch() })) return;
    event.preventDefault();
    if (!event.repeat) this.#send();
  }

  /** Text that was copied with a picture of itself, as office programs do, is pasted as text. */
  #paste(event) {
    const { files, types } = event.clipboardData;
    if (!files.length || types.includes("text/plain")) return;
    event.preventDefault();
    this.attachments.add(files);
  }

  #escape(event) {
    const open = this.root.querySelector("dialog:modal, [data-open]");
    if (event.key !== "Escape" || event.defaultPrevented || !this.answering || open || isComposing(event)) return;
    event.preventDefault();
    this.listener.stop();
  }

  /** Send what is written. A file that can't be read is refused first, and then nothing is sent. */
  async #send() {
    if (!(await this.attachments.settle())) return;
    this.#putAhead();
    const question = this.field.value.trim();
    if (this.answering) this.announce(words("busy"));
    const trouble = this.answering ? words("busy") : this.#trouble(question);
    this.complain(trouble);
    if (trouble || !(question || this.attachments.files.length)) return;
    this.speech.stop();
    const topic = isPressed(this.topicButton) ? "new" : "auto";
    const files = this.attachments.take();
    this.field.value = "";
    this.#wrote();
    press(this.topicButton, false);
    this.listener.ask({ question, files, topic, webSearch: isPressed(this.searchButton), model: this.models.value });
  }

  #trouble(question) {
    const limit = this.limits.question;
    return question.length > limit ? words("questionTooLong", { limit: count(limit) }) : "";
  }

  #wrote() {
    this.#keep();
    this.#grow();
  }

  /** Keep what is written and attached for the case that the page is loaded anew. */
  #keep() {
    keepDraft(this.memory, this.sessionId, { text: this.#whole(), files: this.attachments.names });
    this.#allowSending();
  }

  #grow() {
    this.complain("");
    this.#allowSending();
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  /** There is nothing to send while nothing is written and no file is attached. */
  #allowSending() {
    this.sendButton.disabled = !this.field.value.trim() && !this.attachments.files.length;
  }
}

function isPressed(button) {
  return button.getAttribute("aria-pressed") === "true";
}

function press(button, on) {
  button.setAttribute("aria-pressed", String(on));
}
