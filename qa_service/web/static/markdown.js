/**
 * Markdown as nodes, and prose that grows.
 *
 * While text arrives, what can't change any more is left alone: whole blocks, and of the last block the rows of a table,
 * the items of a list and the lines of code that are over. The longer a rendering takes, the more seldom it happens.
 */

import { parse, parseGrowing } from "./blocks.js";
import { copyText, element, icon } from "./element.js";
import { highlight } from "./highlight.js";
import { inline } from "./inline.js";
import { label } from "./words.js";

const WIDEST = 50;
const LONGEST_TABLE = 100;
/** So many lines of code are coloured together. */
const CHUNK = 60;
/** After a rendering, nothing is rendered for as many times the time that it took. */
const REST = 10;
/** At most so many characters are rendered at once while more are to come, or as many as are still open. */
const SLICE = 6_000;

const RENDERERS = {
  fence: renderFence,
  formula: ({ text }) => ({ node: element("pre", { class: "math", tabindex: 0 }, element("code", {}, text)) }),
  heading: ({ level, text }, cite) => ({ node: element(`h${Math.min(level + 2, 6)}`, {}, inline(text, cite)) }),
  list: renderList,
  paragraph: ({ text }, cite) => ({ node: element("p", {}, inline(text, cite)) }),
  quote: ({ blocks }, cite) => ({ node: element("blockquote", {}, blocks.map((block) => render(block, cite).node)) }),
  rule: () => ({ node: element("hr") }),
  table: renderTable,
};

/**
 * Render a block. Its `node` is complete. A block that may go on for long also has its `parts`, which are children of
 * its `body`: each says at which line it begins, and the lines from there read alike behind the block's `opening` lines.
 */
function render(block, cite) {
  return { opening: 0, line: block.line, fixed: block.isGuess, ...RENDERERS[block.type](block, cite) };
}

function renderFence({ language, code, line }) {
  const body = element("code");
  const copy = label(element("button", { type: "button", class: "quiet icon-only" }, icon("copy")), "copyCode");
  copy.addEventListener("click", async () => {
    if (await copyText(body.textContent, copy)) copy.replaceChildren(icon("check"));
  });
  const head = element("figcaption", {}, element("span", {}, language), copy);
  const lines = code.split("\n");
  const parts = [];
  for (let at = 0; at < lines.length; at += CHUNK) {
    const text = lines.slice(at, at + CHUNK).join("\n") + (at + CHUNK < lines.length ? "\n" : "");
    parts.push({ line: line + 1 + at, node: element("span", { class: "chunk" }, coloured(text, language)) });
  }
  body.append(...parts.map(({ node }) => node));
  const node = element("figure", { class: "code" }, head, element("pre", { tabindex: 0 }, body));
  return { node, body, parts, opening: 1 };
}

function coloured(code, language) {
  return highlight(code, language).map(([kind, text]) => (kind ? element("span", { class: kind }, text) : text));
}

function renderList({ ordered, start, items }, cite) {
  const parts = items.map(({ line, aligned, blocks }) => ({ line, fixed: !aligned, node: renderItem(blocks, cite) }));
  const node = element(ordered ? "ol" : "ul", ordered && start !== 1 ? { start } : {}, parts.map((part) => part.node));
  return { node, body: node, parts };
}

/** The text of an item that has one paragraph stands close, whatever its neighbours have, so that none of them moves. */
function renderItem(blocks, cite) {
  const close = blocks.filter(({ type }) => type === "paragraph").length < 2;
  const inner = (block) => (close && block.type === "paragraph" ? inline(block.text, cite) : render(block, cite).node);
  return element("li", {}, blocks.map(inner).flat());
}

/** A row has the cells that were written and no more: a wide head over many short rows would make millions of them. */
function renderTable({ aligned, head, rows, line }, cite) {
  const width = Math.min(aligned.length, WIDEST);
  const cell = (tag, text, at) => element(tag, { class: aligned[at] && `align-${aligned[at]}` }, inline(text, cite));
  const row = (tag, texts) => element("tr", {}, texts.slice(0, width).map((text, at) => cell(tag, text, at)));
  const parts = rows.map((texts, at) => ({ line: line + 2 + at, node: row("td", texts) }));
  const body = new TableBody(element("thead", {}, row("th", head)));
  body.append(...parts.map(({ node }) => node));
  return { node: body.node, body, parts, opening: 2, headed: true };
}

/** The rows of a table. A browser lays out a table as a whole, so many rows become several tables with the same head. */
class TableBody {
  constructor(head) {
    this.head = head;
    this.node = element("div", { class: "tables" });
    this.#begin(head);
  }

  append(...rows) {
    for (const row of rows) {
      if (this.rows.childElementCount >= LONGEST_TABLE) this.#begin(this.head.cloneNode(true));
      this.rows.append(row);
    }
  }

  /** What is full can't grow any more, so the browser may leave it out while it isn't in sight. */
  #begin(head) {
    this.node.lastElementChild?.classList.add("full");
    this.rows = element("tbody");
    this.node.append(element("div", { class: "scroll", tabindex: 0 }, element("table", {}, head, this.rows)));
  }
}

/** An answer on the page while it grows. `cite(n)` makes the node of a citation number. */
export class Prose {
  constructor(node, cite) {
    this.node = node;
    this.cite = cite;
    this.clear();
  }

  clear() {
    this.text = "";
    this.shown = 0;
    this.pending = "";
    this.due = 0;
    this.open = null;
    this.openNodes = [];
    this.node.replaceChildren();
  }

  append(text) {
    this.text += text;
  }

  /** Whether more has arrived than is shown at once. */
  get isBehind() {
    return this.text.length - this.shown > SLICE;
  }

  /** Show this text instead of what has arrived. What has arrived stays the answer, which can be copied. */
  annotate(text) {
    if (text === this.text) return;
    const answer = this.text;
    this.clear();
    this.append(text);
    this.render();
    this.text = answer;
    this.shown = answer.length;
  }

  /** Show some of what has arrived, unless the last time was too short ago for what it cost. Says whether all is shown. */
  renderWhenDue() {
    if (performance.now() < this.due) return false;
    this.renderSome();
    return this.shown === this.text.length;
  }

  /** Show so much more that it takes no longer than a person notices. */
  renderSome() {
    this.#render(Math.max(SLICE, this.pending.length), parseGrowing);
  }

  /** Show all that has arrived, as what it is if nothing more comes. */
  render() {
    this.#render(this.text.length, parse);
  }

  #render(most, read) {
    const began = performance.now();
    const end = Math.min(this.shown + most, this.text.length);
    this.pending += this.text.slice(this.shown, end);
    this.shown = end;
    this.#renderPending(read);
    const ended = performance.now();
    this.due = ended + (ended - began) * REST;
  }

  #renderPending(read) {
    const lines = this.pending.replaceAll("\r", "").replaceAll("\t", "    ").split("\n");
    const blocks = read(lines).map((block) => render(block, this.cite));
    for (const node of this.openNodes) node.remove();
    const goesOn = this.open !== null && blocks.length > 0;
    if (goesOn) this.open.append(...blocks[0].parts.map(({ node }) => node));
    this.node.append(...blocks.slice(goesOn ? 1 : 0).map(({ node }) => node));
    this.#settle(lines, entriesOf(blocks, goesOn), goesOn ? this.open : null);
  }

  /** Keep open what may still change: the last entry, and also the one before it while the last line isn't whole. */
  #settle(lines, entries, going) {
    const whole = entries.at(-1)?.line < lines.length - 1;
    let at = Math.max(entries.length - (whole ? 1 : 2), 0);
    while (at > 0 && entries[at].fixed) at -= 1;
    this.openNodes = entries.slice(at).map(({ node }) => node);
    if (!at) {
      this.pending = lines.join("\n");
      return;
    }
    const { block, isWithin, line } = entries[at];
    this.open = isWithin ? (block === entries[0].block && going) || block.body : null;
    const opening = isWithin ? lines.slice(block.line, block.line + block.opening) : [];
    this.pending = [...opening, ...lines.slice(line)].join("\n");
  }
}

/**
 * All that can be settled by itself, in order: blocks, and the parts of those blocks that have some. A part that isn't its
 * block's first is `isWithin` the block, which has been shown by then. Of a block that goes on, each part is. What is
 * `fixed` to the entry before it is settled with that one.
 */
function entriesOf(blocks, goesOn) {
  return blocks.flatMap((block, index) => {
    const parts = (block.parts ?? []).map((part) => ({ ...part, block, isWithin: true }));
    if (goesOn && index === 0) return parts;
    return [{ node: block.node, line: block.line, fixed: block.fixed, block }, ...(block.headed ? parts : parts.slice(1))];
  });
}
