/** This module has the form in which a question is written. */

import { Attachments } from "./attachments.js";
import { count, words } from "./words.js";

/** Enter ends a syllable that is being composed and must not send it; older Safari says so by key code 229. */
const isComposing = (event) => event.isComposing || event.keyCode === 229;

/**
 * Files may be dropped on `zone`, over which `veil` says so. The form calls `listener.ask({question, files, topic, webSearch, model})` and
 * `listener.stop()`.
 */
export class Composer {
  constructor(form, { limits, announce, zone, veil, listener }) {
    const part = (name) => form.querySelector(`[data-part="${name}"]`);
    Object.assign(this, { form, root: form.getRootNode(), limits, announce, listener, answering: false });
    this.field = part("question");
    this.sendButton = part("send");
    this.stopButton = part("stop");
    this.topicButton = part("topic");
    this.searchButton = part("search");
    this.models = part("model");
    this.complaint = part("complaint");
    const [list, picker] = [part("files"), part("picker")];
    this.attachments = new Attachments({ list, picker, zone, veil, limits, complain: (text) => this.complain(text) });
    this.#listen(part("attach"));
  }

  /** Show what the server offers. */
  offer({ webSearch = false, models = [], model = "" }) {
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

  write(text) {
    this.field.value = text;
    this.#grow();
    this.field.focus();
  }

  /** Put a refused question back, unless another one is being written. */
  giveBack(text) {
    if (!this.field.value) this.write(text);
  }

  complain(text) {
    this.complaint.textContent = text;
    this.complaint.hidden = !text;
  }

  #listen(attach) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("input", () => this.#grow());
    this.field.addEventListener("paste", (event) => this.#paste(event));
    this.stopButton.addEventListener("click", () => this.listener.stop());
    attach.addEventListener("click", () => this.attachments.picker.click());
    for (const button of [this.topicButton, this.searchButton]) {
      button.addEventListener("click", () => press(button, !isPressed(button)));
    }
    this.root.addEventListener("keydown", (event) => this.#escape(event));
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
    if (event.key !== "Escape" || !this.answering || open || isComposing(event)) return;
    event.preventDefault();
    this.listener.stop();
  }

  #send() {
    const question = this.field.value.trim();
    if (this.answering) this.announce(words("busy"));
    const trouble = this.answering ? words("busy") : this.#trouble(question);
    this.complain(trouble);
    if (trouble || !(question || this.attachments.files.length)) return;
    const topic = isPressed(this.topicButton) ? "new" : "auto";
    const files = this.attachments.take();
    this.field.value = "";
    this.#grow();
    press(this.topicButton, false);
    this.listener.ask({ question, files, topic, webSearch: isPressed(this.searchButton), model: this.models.value });
  }

  #trouble(question) {
    const limit = this.limits.question;
    return question.length > limit ? words("questionTooLong", { limit: count(limit) }) : "";
  }

  #grow() {
    this.complain("");
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}

function isPressed(button) {
  return button.getAttribute("aria-pressed") === "true";
}

function press(button, on) {
  button.setAttribute("aria-pressed", String(on));
}
