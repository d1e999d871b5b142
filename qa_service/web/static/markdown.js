/**
 * This module shows Markdown that grows.
 *
 * Text arrives with `append`, and is shown by a rendering, which reads and draws it. What has arrived is always a beginning
 * of the answer, and what is shown a beginning of that:
 *
 * | state | what `renderWhenDue` does |
 * |---|---|
 * | behind: much has arrived that isn't shown | show a slice of it, as much as fits into a frame |
 * | growing: all that has arrived is shown, or is in one slice | show all; the longer that takes, the more seldom |
 * | whole: `render` was called, since nothing more comes | nothing, until more is appended |
 *
 * A rendering reads the last two blocks again, since text can't change any block before those. Of a block that is read again,
 * only those parts are drawn whose source has changed (see `drawing.js`), so what is shown is always what the text means,
 * and never depends on the pieces in which it came. The end of a text that isn't whole is shown as what it will probably be.
 */

import { cells, outdented, readBlocks } from "./blocks.js";
import { Drawing, NONE, part } from "./drawing.js";
import { copyText, element, icon } from "./element.js";
import { highlight } from "./highlight.js";
import { inline } from "./inline.js";
import { label } from "./words.js";

const WIDEST = 50;
/**
 * A browser lays out a paragraph as a whole. A longer text goes on in a new line where a sentence ends behind this many
 * characters, or a word behind twice as many.
 */
const STRETCH = 4_000;
const END_OF_SENTENCE = /[。！？\n]|[.!?]\s/;
/** At most this many lines of code are coloured together. */
const CHUNK = 60;
/** After a rendering, nothing is rendered for as many times the time that it took, or for that time if much is waiting. */
const REST = 10;
/** A rendering should take this many milliseconds. For what it has drawn, the browser needs some three times as many. */
const BUDGET_MS = 4;
/** The fewest and the most characters that are shown at once while more are waiting. */
const [LEAST, MOST] = [500, 8_000];

const FULL = { class: "full" };
const STRETCHED = { class: "stretch" };

/** Makes the parts of blocks, for `drawing.js`. The last block is open if the text that it ends `isOpen`. */
class Views {
  constructor(cite) {
    this.cite = (n) => ({ tag: `cite ${n}`, make: () => ({ node: cite(n) }) });
  }

  read(lines, depth, isOpen) {
    return this.partsOf(readBlocks(lines, { isOpen, depth }), isOpen);
  }

  partsOf(blocks, isOpen) {
    return blocks.map((block, index) => this[block.type](block, isOpen && index === blocks.length - 1));
  }

  fence({ language, code }) {
    const chunks = chunksOf(code.split("\n"));
    const chunk = (lines, index) => {
      const text = lines.join("\n") + (index < chunks.length - 1 ? "\n" : "");
      return part("span", () => coloured(text, language), { class: "chunk" }, { source: text });
    };
    return { tag: `code ${language}`, make: () => codeFigure(language), children: chunks.map(chunk) };
  }

  formula({ text }) {
    return part("pre", [part("code", [text])], { class: "math", tabindex: 0 });
  }

  heading({ level, text }, isOpen) {
    return this.#text(`h${Math.min(level + 2, 6)}`, text, isOpen);
  }

  paragraph({ text }, isOpen) {
    return this.#text("p", text, isOpen);
  }

  quote({ lines, depth }, isOpen) {
    return part("blockquote", () => this.read(lines, depth, isOpen), NONE, { source: lines.join("\n"), isOpen });
  }

  rule() {
    return part("hr");
  }

  list({ ordered, start, items, depth, next }, isOpen) {
    const item = (lines, index) => this.#item(lines, depth, isOpen && index === items.length - 1);
    const attributes = { ...(ordered && start !== 1 ? { start } : {}), ...(next ? FULL : {}) };
    return part(ordered ? "ol" : "ul", items.map(item), attributes);
  }

  /** The text of an item that has one paragraph stands close, whatever its neighbours have, so that none of them moves. */
  #item(lines, depth, isOpen) {
    const children = () => {
      const blocks = readBlocks(outdented(lines), { isOpen, depth });
      const close = blocks.filter(({ type }) => type === "paragraph").length < 2;
      const parts = this.partsOf(blocks, isOpen);
      return parts.flatMap((one) => (close && one.tag === "p" ? one.children() : one));
    };
    return part("li", children, NONE, { source: lines.join("\n"), isOpen });
  }

  table({ aligned, head, rows, next }, isOpen) {
    const row = (line, index) => this.#row("td", line, aligned, isOpen && index === rows.length - 1);
    const top = part("thead", [this.#row("th", head, aligned, isOpen && !rows.length)]);
    const table = part("table", [top, part("tbody", rows.map(row))]);
    return part("div", [table], { class: next ? "scroll full" : "scroll", tabindex: 0 });
  }

  /** A row has the cells that were written and no more: a wide head over many short rows would make millions of them. */
  #row(tag, line, aligned, isOpen) {
    const children = () => {
      const texts = cells(line).slice(0, Math.min(aligned.length, WIDEST));
      return texts.map((text, at) => {
        const attributes = aligned[at] ? { class: `align-${aligned[at]}` } : NONE;
        return this.#text(tag, text, isOpen && at === texts.length - 1, attributes);
      });
    };
    return part("tr", children, NONE, { source: `${aligned} ${line}`, isOpen });
  }

  #text(tag, text, isOpen, attributes) {
    return part(tag, () => this.#stretches(text, isOpen), attributes, { source: text, isOpen });
  }

  #stretches(text, isOpen) {
    const [first, ...others] = stretchesOf(text);
    const rest = others.map((other, index) => {
      const open = isOpen && index === others.length - 1;
      return part("span", () => inline(other, this.cite, open), STRETCHED, { source: other, isOpen: open });
    });
    return [...inline(first, this.cite, isOpen && !others.length), ...rest];
  }
}

/** Cut a text where sentences end, so that each piece but the last stays what it is when more text comes. */
function stretchesOf(text) {
  const stretches = [];
  let at = 0;
  for (;;) {
    const range = text.slice(at + STRETCH, at + 2 * STRETCH);
    const end = END_OF_SENTENCE.exec(range) ?? (range.length === STRETCH ? /\s/.exec(range) : null);
    if (!end) break;
    const next = at + STRETCH + end.index + end[0].length;
    stretches.push(text.slice(at, next));
    at = next;
  }
  return at && at === text.length ? stretches : [...stretches, text.slice(at)];
}

/** Divide lines of code into chunks. There is always one, even if it is empty. */
function chunksOf(lines) {
  const chunks = [];
  do chunks.push(lines.splice(0, CHUNK)); while (lines.length);
  return chunks;
}

function coloured(code, language) {
  const colour = ([kind, text]) => (kind ? part("span", [text], { class: kind }) : text);
  return highlight(code, language).filter(([, text]) => text).map(colour);
}

function codeFigure(language) {
  const body = element("code");
  const copy = label(element("button", { type: "button", class: "quiet icon-only" }, icon("copy")), "copyCode");
  copy.addEventListener("click", async () => {
    if (await copyText(body.textContent, copy)) copy.replaceChildren(icon("check"));
  });
  const head = element("figcaption", {}, element("span", {}, language), copy);
  return { node: element("figure", { class: "code" }, head, element("pre", { tabindex: 0 }, body)), body };
}

/** An answer on the page while it grows. `cite(n)` makes the node of a citation number. */
export class Prose {
  constructor(node, cite) {
    this.drawing = new Drawing(node);
    this.views = new Views(cite);
    this.clear();
  }

  clear() {
    this.text = "";
    this.due = 0;
    this.slice = LEAST;
    this.#begin();
    this.drawing.show([]);
  }

  append(text) {
    this.text += text;
  }

  /** Whether more has arrived than is shown at once. */
  get isBehind() {
    return this.text.length - this.shown > this.slice;
  }

  /** Show this text instead of what has arrived. What has arrived stays the answer, which can be copied. */
  annotate(text) {
    if (text === this.text) return;
    this.#begin();
    this.#read(text);
    this.#draw(false);
    this.shown = this.text.length;
  }

  /** Show some of what has arrived, unless the last time was too short ago for what it cost. Says whether all is shown. */
  renderWhenDue() {
    if (performance.now() < this.due) return false;
    this.renderSome();
    return this.shown === this.text.length;
  }

  /** Show so much more that it takes no longer than a person notices. */
  renderSome() {
    const began = performance.now();
    this.#show(this.slice, true);
    const took = performance.now() - began;
    const fitting = this.slice * Math.min(BUDGET_MS / took, 2);
    this.slice = Math.round(Math.max(LEAST, Math.min(fitting, MOST)));
    this.due = began + took * (this.isBehind ? 2 : 1 + REST);
  }

  /** Show all that has arrived, as what it is if nothing more comes. */
  render() {
    this.#show(this.text.length, false);
  }

  #begin() {
    this.shown = 0;
    this.lines = [""];
    /** This many blocks can't change any more, of which this is the last, and this many lines were read for them. */
    this.settled = { blocks: 0, last: null, lines: 0 };
  }

  #show(most, isOpen) {
    const end = Math.min(this.shown + most, this.text.length);
    this.#read(this.text.slice(this.shown, end));
    this.shown = end;
    this.#draw(isOpen);
  }

  #read(text) {
    const [first, ...rest] = text.replaceAll("\r", "").replaceAll("\t", "    ").split("\n");
    this.lines[this.lines.length - 1] += first;
    for (const line of rest) this.lines.push(line);
  }

  #draw(isOpen) {
    const { settled } = this;
    const blocks = readBlocks(this.lines.slice(settled.lines), { isOpen, last: settled.last });
    this.drawing.show(this.views.partsOf(blocks, isOpen), settled.blocks);
    if (blocks.length < 3) return;
    const [last, { line }] = blocks.slice(-3);
    this.settled = { blocks: settled.blocks + blocks.length - 2, last, lines: settled.lines + line };
  }
}
