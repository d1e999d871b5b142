/** This module shows one question and its answer, while it comes or from the past. */

import { copyText, element, icon } from "./element.js";
import { Prose } from "./markdown.js";
import { Sources } from "./sources.js";
import { Verdicts } from "./verdicts.js";
import { count, hasWords, label, say, words } from "./words.js";

const LONG_QUESTION = 600;
const LOST_MS = 1_500;
/** An answer that is silent for so long shows that it is still being written. */
const STALLED_MS = 2_000;

/** A turn takes frames as they come. `actions` has the functions `retry(turn)`, `reconnect(turn)` and `reopen(topic)`, and what all parts share. */
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
    this.node = element("article", { class: "turn" }, this.#asked(), this.answer);
    this.#show("sending");
  }

  /** Take one frame of the answer. Frames of types that this page doesn't know are passed over. */
  take({ type, content }) {
    this[`on_${type}`]?.(content);
    clearTimeout(this.stalling);
    if (this.status === "running") this.stalling = setTimeout(() => this.#stall(), STALLED_MS);
  }

  /** Show a whole answer from the past. */
  fill({ answerId, text, images, references, status, files, error }) {
    this.answerId = answerId;
    this.prose.append(text ?? "");
    for (const image of images ?? []) this.on_image(image);
    for (const reference of references ?? []) this.sources.add(reference);
    this.verdicts.settleAll(files ?? []);
    if (error) this.on_error(error);
    this.on_done({ status }, { quiet: true });
  }

  on_start({ answerId, topic }) {
    this.answerId = answerId;
    this.topic = topic.index;
    this.#show("thinking");
  }

  on_status(status) {
    if (status.stage === "file") this.#settle(status);
    else if (status.stage === "reading_file") this.verdicts.progress(status);
    const stage = status.stage.endsWith("file") ? "reading" : status.stage;
    this.#show(status.query ? "searchingFor" : stage, status);
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
    if (this.actions.config().showCost) this.footer.prepend(element("span", {}, metadata.model), ...figures(metadata));
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
      if (!quiet) this.actions.announce(this.ending.textContent || words("ready"));
    });
  }

  /** Show that the answer failed outside of its stream, because it was refused or the server can't be reached. */
  fail(problem) {
    this.error = problem;
    this.#end("failed");
    this.#explain();
    this.actions.announce(this.ending.textContent);
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

  /** The connection is lost for good, but the answer may go on at the server. */
  cut() {
    this.#end("cut");
    this.#note("connectionLost");
    this.#offer("reconnect", () => this.actions.reconnect(this));
    this.actions.announce(this.ending.textContent);
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

  /** Remove the buttons, because only the latest answer can be asked for again. */
  growOld() {
    for (const button of this.node.querySelectorAll(".ending button")) button.remove();
  }

  #asked() {
    const text = element("p", {}, this.question);
    const bubble = element("div", { class: "bubble" }, text);
    if (this.question.length > LONG_QUESTION) {
      text.classList.add("clamped");
      const all = this.#button("showAll", () => (text.classList.remove("clamped"), all.remove()));
      bubble.append(all);
    }
    const heading = say(element("h2", { class: "hidden" }), "asked");
    return element("div", { class: "asked" }, heading, bubble, this.verdicts.node);
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
    this.drawing = this.prose.renderWhenDue() ? undefined : requestAnimationFrame(() => this.#draw());
  }

  /** Show the rest of the text, much of it in steps, and do what comes then. A page that isn't seen draws no frames. */
  #drawAll(then) {
    cancelAnimationFrame(this.drawing);
    this.drawing = undefined;
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

  /** Show the server's sentence for the person, and what the person can do. */
  #reason({ userMessage, message, retryAfter, retryable }) {
    const sentence = userMessage || (this.error instanceof Error ? message : "");
    if (sentence) this.ending.querySelector("p").replaceWith(element("p", {}, sentence));
    if (retryAfter) this.#note("retryIn", { seconds: retryAfter });
    if (retryable) this.#offer("retry", () => this.actions.retry(this));
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

  #tools() {
    if (!this.prose.text) return;
    const { announce, service } = this.actions;
    this.footer.append(element("span", { class: "tools" },
      tool("copyAnswer", { drawing: "copy", text: () => this.prose.text, announce }),
      tool("copyRequest", { drawing: "terminal", text: () => curl(service.resolve("ask"), this.question), announce })));
  }
}

// Upstream had finished with these last two, and no text had come.
const INCOMPLETE = {
  length: "incompleteLength",
  content_filter: "incompleteFilter",
  stop: "incompleteEmpty",
  refusal: "incompleteEmpty",
};

function figures({ usage, timing, cost }) {
  const seconds = ((timing?.totalMs ?? 0) / 1000).toFixed(1);
  return [
    usage?.total ? say(element("span"), "tokens", { tokens: count(usage.total) }) : null,
    say(element("span"), "seconds", { seconds }),
    cost === null || cost === undefined ? null : say(element("span"), "cost", { cost: Number(cost).toPrecision(2) }),
  ].filter(Boolean);
}

function tool(key, { drawing, text, announce }) {
  const button = label(element("button", { type: "button", class: "quiet icon-only" }, icon(drawing)), key);
  button.addEventListener("click", async () => {
    if (!(await copyText(text(), button))) return;
    button.replaceChildren(icon("check"));
    announce(words("copied"));
    setTimeout(() => button.replaceChildren(icon(drawing)), 2_000);
  });
  return button;
}

/** The same question as a command for a terminal, without the key, which its owner has to add. */
function curl(address, question) {
  const quoted = `question=${question}`.replaceAll("'", "'\\''");
  return `curl -N ${address} --form-string '${quoted}'`;
}
