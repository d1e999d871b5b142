/** This module shows one question and its answer, while it comes or from the past. */

import { answerTools } from "./answer-tools.js";
import { askedQuestion } from "./asked.js";
import { element } from "./element.js";
import { figuresOf } from "./figures.js";
import { Prose } from "./markdown.js";
import { retryOffer, secondsLeft } from "./retry.js";
import { Sources } from "./sources.js";
import { Verdicts } from "./verdicts.js";
import { hasWords, say, words } from "./words.js";

const LOST_MS = 1_500;
/** An answer that is silent for this long shows that it is still being written. */
const STALLED_MS = 2_000;

/** A turn takes frames as they come. `actions` has what a person can do with it, such as `retry(turn)`, and what all parts share. */
export class Turn {
  constructor({ question, files = [], earlier = [], topic = 0 }, actions) {
    Object.assign(this, { question, topic, actions, answerId: "", status: "running", verdictsCame: false });
    this.verdicts = new Verdicts(files, earlier);
    const text = element("div", { class: "prose" });
    this.sources = new Sources(text, { openSource: actions.openSource, answer: () => this.prose.text });
    this.prose = new Prose(text, (n) => this.sources.cite(n));
    this.images = element("div", { class: "images" });
    this.line = element("p", { class: "status" });
    this.ending = element("div", { class: "ending", hidden: true });
    this.footer = element("footer", { class: "meta" });
    this.answer = element("div", { class: "answer", "aria-busy": "true" },
      text, this.images, this.line, this.ending, this.sources.node, this.footer);
    const asked = askedQuestion(question, this.verdicts.node, (changed) => actions.edit(this, changed));
    this.node = element("article", { class: "turn" }, asked, this.answer);
    this.#show("sending");
  }

  /** Take one frame of the answer. Frames of types that this page doesn't know are passed over. */
  take({ type, content }) {
    this[`on_${type}`]?.(content);
    clearTimeout(this.stalling);
    if (this.status === "running") this.stalling = setTimeout(() => this.#stall(), STALLED_MS);
  }

  /** Show a whole answer from the past. */
  fill({ answerId, text, images, references, status, files, error, metadata, feedback, createdAt }) {
    Object.assign(this, { answerId, rating: feedback?.rating, finishReason: metadata?.finishReason });
    this.prose.append(text ?? "");
    for (const image of images ?? []) this.on_image(image);
    for (const reference of references ?? []) this.sources.add(reference);
    this.verdicts.settleAll(files ?? []);
    if (metadata) this.#figures(metadata);
    if (error) this.on_error({ ...error, retryAfter: secondsLeft(error, createdAt) });
    this.on_done({ status }, { quiet: true });
  }

  on_start({ answerId, topic }) {
    this.answerId = answerId;
    this.topic = topic.index;
    this.node.classList.add("live");
    this.#show("thinking");
  }

  on_status(status) {
    if (status.stage === "file") this.#settle(status);
    else if (status.stage === "reading_file") this.verdicts.progress(status);
    if (status.sources) this.sources.expect(status.sources);
    this.#show(stageOf(status), status);
  }

  on_text(text) {
    if (!text) return;
    this.prose.append(text);
    this.line.hidden = true;
    this.drawing ??= requestAnimationFrame(() => this.#draw());
  }

  on_image({ url, index }) {
    const known = this.images.querySelector(`[data-index="${Number(index)}"]`);
    const image = known ?? element("img", { alt: "", "data-index": Number(index) });
    // Where a worker of an older release passes the frame on, the address is relative to the prefix.
    image.src = this.actions.service.resolve(url);
    if (!known) this.images.append(image);
  }

  on_reference(reference) {
    this.sources.add(reference);
  }

  on_metadata(metadata) {
    this.verdicts.settleAll(metadata.files ?? []);
    this.finishReason = metadata.finishReason;
    if (metadata.saved === false) this.#note("notSaved");
    this.#figures(metadata);
  }

  on_error(error) {
    this.error = error;
  }

  on_restart() {
    this.prose.clear();
    this.sources.clear();
    this.images.replaceChildren();
    this.#show("retrying");
  }

  on_done({ status }, { quiet = false } = {}) {
    this.#end(status, () => {
      this.prose.annotate(this.sources.withNumbers(this.prose.text));
      this.sources.settle();
      this.#tools();
      this.#explain();
      if (!quiet) this.actions.announce(this.#said() || words("ready"));
    });
  }

  /** Show that the answer failed outside of its stream, because it was refused or the server can't be reached. */
  fail(problem) {
    this.error = problem;
    this.#end("failed");
    this.#explain();
    this.actions.announce(this.#said());
  }

  /** The connection is cut. It is said a little later, because most connections are back by then. */
  on_lost() {
    this.losing ??= setTimeout(() => this.#show("lost"), LOST_MS);
  }

  on_found() {
    if (this.line.dataset.word === "lost") this.#show("found");
    clearTimeout(this.losing);
    this.losing = undefined;
  }

  /**
   * The answer can't be followed any more, but it may go on at the server. The sentence says what the matter is: the
   * connection, or what the server itself has said.
   */
  cut({ code = "network", message } = {}) {
    this.#end("cut");
    this.#note("connectionLost");
    if (code !== "network" && message) this.ending.querySelector("p").replaceWith(element("p", {}, message));
    this.#offer("reconnect", () => this.actions.reconnect(this));
    this.actions.announce(this.#said());
  }

  /** Forget all that came before, because the answer comes from its beginning again. */
  rewind() {
    clearTimeout(this.finishing);
    this.on_restart();
    this.footer.replaceChildren();
    this.ending.replaceChildren();
    this.ending.hidden = true;
    this.answer.setAttribute("aria-busy", "true");
    Object.assign(this, { status: "running", error: null, losing: undefined });
  }

  stopping() {
    this.#show("stopping");
  }

  /** Show a line above the question, which says that another topic begins here, and offers to go back to the last one. */
  mark(key, last) {
    this.node.querySelector(".divider")?.remove();
    const line = say(element("span"), key, { index: this.topic });
    const back = say(element("button", { type: "button", class: "text", onclick: () => this.#goBack(back, last) }), "reopenTopic", { index: last });
    this.node.prepend(element("div", { class: "divider" }, line, back));
  }

  async #goBack(button, topic) {
    button.disabled = true;
    try {
      await this.actions.reopen(topic);
      const done = say(element("span"), "topicReopened", { index: topic });
      button.replaceWith(done);
      this.actions.announce(done.textContent);
    } catch (problem) {
      button.disabled = false;
      this.actions.announce(problem.message);
    }
  }

  /**
   * Remove the buttons, because only the latest answer can be asked for again. Once the browser has drawn the turn, it knows
   * the height, and may leave out what isn't in sight.
   */
  growOld() {
    for (const button of this.node.querySelectorAll(".ending button")) button.remove();
    requestAnimationFrame(() => requestAnimationFrame(() => this.node.classList.add("old")));
  }

  #settle(verdict) {
    this.verdictsCame = true;
    this.verdicts.settle(verdict);
  }

  #show(key, values) {
    if (!hasWords(key)) return;
    this.line.hidden = false;
    say(this.line, key, values);
    this.actions.announce(this.line.textContent);
  }

  /** Nothing else moves while the text waits, so this line does. Screen readers aren't told, since nothing has changed. */
  #stall() {
    if (!this.line.hidden) return;
    this.line.hidden = false;
    say(this.line, "writing");
  }

  /** Show the text that has come, in this frame or, while that is too costly, in one of the next. */
  #draw() {
    this.sources.keepFocus();
    this.drawing = this.prose.renderWhenDue() ? undefined : requestAnimationFrame(() => this.#draw());
  }

  /** Show the rest of the text, much of it in steps, and do what comes then. A page that isn't seen draws no frames. */
  #drawAll(then) {
    cancelAnimationFrame(this.drawing);
    this.drawing = undefined;
    this.sources.keepFocus();
    if (this.prose.isBehind) {
      this.prose.renderSome();
      this.finishing = setTimeout(() => this.#drawAll(then));
      return;
    }
    this.prose.render();
    this.line.hidden = true;
    this.answer.setAttribute("aria-busy", "false");
    then();
  }

  #end(status, then = () => {}) {
    this.status = status;
    clearTimeout(this.losing);
    clearTimeout(this.stalling);
    clearTimeout(this.finishing);
    this.#drawAll(then);
  }

  #explain() {
    if (this.status === "cancelled") this.#note("cancelled");
    if (this.status === "incomplete") this.#note(INCOMPLETE[this.finishReason] ?? "incomplete");
    if (this.status !== "failed") return;
    this.ending.classList.add("trouble");
    this.#note("failed");
    this.#reason(this.error ?? { retryable: true });
  }

  /** What is shown below the text, as one line: a screen reader would read sentences without a space as one. */
  #said() {
    return [...this.ending.children].map(({ textContent }) => textContent).join(" ");
  }

  /** Show the server's sentence for the person, and what the person can do. */
  #reason({ userMessage, message, retryAfter, retryable }) {
    const sentence = userMessage || (this.error instanceof Error ? message : "");
    if (sentence) this.ending.querySelector("p").replaceWith(element("p", {}, sentence));
    if (retryable) this.ending.append(...retryOffer(retryAfter, () => this.actions.retry(this)));
  }

  #note(key, values) {
    this.ending.hidden = false;
    this.ending.append(say(element("p"), key, values));
  }

  #offer(key, act) {
    this.ending.append(this.#button(key, act));
  }

  #button(key, act) {
    return say(element("button", { type: "button", class: "text", onclick: act }), key);
  }

  /** Show what the answer took, where the site wants people to know it. */
  #figures(metadata) {
    const { showCost, currency } = this.actions.config();
    if (showCost) this.footer.prepend(...figuresOf(metadata, currency));
  }

  #tools() {
    this.footer.append(answerTools(this, this.actions));
  }
}

/** The key of the words for what is being done. With the sources, the search is over, and the model is asked. */
function stageOf({ stage, query, sources }) {
  if (query) return "searchingFor";
  if (sources) return "thinking";
  return stage.endsWith("file") ? "reading" : stage;
}

// Upstream had finished with these last two, and no text had come.
const INCOMPLETE = {
  __proto__: null,
  length: "incompleteLength",
  content_filter: "incompleteFilter",
  stop: "incompleteEmpty",
  refusal: "incompleteEmpty",
};
