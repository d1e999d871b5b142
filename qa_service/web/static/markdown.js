/**
 * Markdown blocks as nodes, and prose that grows.
 *
 * Every line is read a bounded number of times, whatever stands in it. While text arrives, only the last blocks are
 * made anew, and the longer that takes, the more seldom it happens.
 */

import { copyText, element, icon } from "./element.js";
import { inline } from "./inline.js";
import { label } from "./words.js";

const DEEPEST = 12;
const WIDEST = 50;
/** After a rendering, nothing is rendered for as many times the time that it took. */
const REST = 10;
const FENCE = /^ *(?:(`{3,})|(~{3,})(?!~))([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?: |$)/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,3}[.)])( +|$)/;
const ALIGNMENT = /^:?-+:?$/;

const isBlank = (line) => line === undefined || !line.trim();
const indent = (line) => line.length - line.trimStart().length;

/** Make blocks of lines. Each block says at which line it begins and at which one the next block does. */
export function parse(lines, depth = 0) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const block = { line: at, ...read(lines, at, depth) };
    blocks.push(block);
    at = block.end;
  }
  return blocks;
}

function read(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return readFence(lines, at);
  if (HEADING.test(line)) return readHeading(line, at);
  if (RULE.test(line)) return { type: "rule", end: at + 1 };
  if (QUOTE.test(line) && depth < DEEPEST) return readQuote(lines, at, depth);
  if (ITEM.test(line) && depth < DEEPEST) return readList(lines, at, depth);
  if (beginsTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at);
}

function readFence(lines, at) {
  const [, ticks, tildes, info] = FENCE.exec(lines[at]);
  const mark = ticks ?? tildes;
  const [language] = /^\S*/.exec(info.trim());
  const margin = indent(lines[at]);
  const closes = (line) => line.trim().startsWith(mark) && !line.trim().replaceAll(mark[0], "");
  let end = at + 1;
  while (end < lines.length && !closes(lines[end])) end += 1;
  const code = lines.slice(at + 1, end).map((line) => line.slice(Math.min(margin, indent(line))));
  return { type: "fence", language, code: code.join("\n"), end: end + 1 };
}

function readHeading(line, at) {
  const [, mark] = HEADING.exec(line);
  return { type: "heading", level: mark.length, text: line.trim().slice(mark.length).trim(), end: at + 1 };
}

function readQuote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { type: "quote", blocks: parse(inner, depth + 1), end };
}

/** Two spaces nest a list already, since models are careless about the third one that ordered lists ask for. */
function readList(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  const margin = first[1].length;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let end = at;
  for (; end < lines.length; end += 1) {
    const line = lines[end];
    const item = indent(line) < margin + 2 ? ITEM.exec(line) : null;
    const sibling = item && /\d/.test(item[2]) === ordered && !RULE.test(line);
    if (sibling) items.push([line.slice(item[0].length)]);
    else if (belongs(lines, end, margin)) items.at(-1).push(line);
    else break;
  }
  const blocks = items.map((item) => parse(outdented(item), depth + 1));
  return { type: "list", ordered, start: parseInt(first[2], 10), items: blocks, end };
}

/** An item's lines without the margin of its second line, from which all deeper margins count. */
function outdented([head, ...rest]) {
  const width = indent(rest.find((line) => !isBlank(line) && indent(line)) ?? "");
  return [head, ...rest.map((line) => line.slice(Math.min(indent(line), width)))];
}

/** Whether this line, which is no item of the list itself, is still part of the list's last item. */
function belongs(lines, at, margin) {
  const line = lines[at];
  if (!isBlank(line)) {
    return indent(line) >= margin + 2 || (!isBlank(lines[at - 1]) && !interrupts(lines, at));
  }
  const next = lines.slice(at, at + 3).find((later) => !isBlank(later));
  return next !== undefined && (indent(next) >= margin + 2 || (ITEM.test(next) && indent(next) >= margin));
}

function cells(line) {
  const row = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return row.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function beginsTable(lines, at) {
  if (!lines[at].includes("|") || !lines[at + 1]?.includes("-")) return false;
  const rule = cells(lines[at + 1]);
  return rule.every((cell) => ALIGNMENT.test(cell)) && rule.length === cells(lines[at]).length;
}

function readTable(lines, at) {
  const aligned = cells(lines[at + 1]).map((cell) => `${cell.startsWith(":") ? "l" : ""}${cell.endsWith(":") ? "r" : ""}`);
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const rows = lines.slice(at + 2, end).map(cells);
  return { type: "table", aligned, head: cells(lines[at]), rows, end };
}

function readParagraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !isBlank(lines[end]) && !interrupts(lines, end)) end += 1;
  const text = lines.slice(at, end).map((line) => line.trim()).join("\n");
  return { type: "paragraph", text, end };
}

function interrupts(lines, at) {
  const line = lines[at];
  const item = ITEM.exec(line);
  const begins = item && item[3] && (!/\d/.test(item[2]) || parseInt(item[2], 10) === 1);
  return begins || [FENCE, HEADING, RULE, QUOTE].some((mark) => mark.test(line)) || beginsTable(lines, at);
}

const RENDERERS = {
  fence: renderFence,
  heading: ({ level, text }, cite) => element(`h${Math.min(level + 2, 6)}`, {}, inline(text, cite)),
  list: renderList,
  paragraph: ({ text }, cite) => element("p", {}, inline(text, cite)),
  quote: ({ blocks }, cite) => element("blockquote", {}, blocks.map((block) => render(block, cite))),
  rule: () => element("hr"),
  table: renderTable,
};

function render(block, cite) {
  return RENDERERS[block.type](block, cite);
}

function renderFence({ language, code }) {
  const copy = element("button", { type: "button", class: "quiet icon-only" }, icon("copy"));
  label(copy, "copyCode");
  copy.addEventListener("click", async () => {
    if (await copyText(code, copy)) copy.replaceChildren(icon("check"));
  });
  const head = element("figcaption", {}, element("span", {}, language), copy);
  return element("figure", { class: "code" }, head, element("pre", { tabindex: 0 }, element("code", {}, code)));
}

function renderList({ ordered, start, items }, cite) {
  const tight = items.every((blocks) => blocks.filter(({ type }) => type === "paragraph").length < 2);
  const entries = items.map((blocks) => element("li", {}, blocks.map((block) => renderInItem(block, tight, cite)).flat()));
  return element(ordered ? "ol" : "ul", ordered && start !== 1 ? { start } : {}, entries);
}

function renderInItem(block, tight, cite) {
  return tight && block.type === "paragraph" ? inline(block.text, cite) : render(block, cite);
}

/** A row has the cells that were written and no more: a wide head over many short rows would make millions of them. */
function renderTable({ aligned, head, rows }, cite) {
  const width = Math.min(aligned.length, WIDEST);
  const cell = (tag, text, at) => element(tag, { class: aligned[at] && `align-${aligned[at]}` }, inline(text, cite));
  const row = (tag, texts) => element("tr", {}, texts.slice(0, width).map((text, at) => cell(tag, text, at)));
  const body = rows.map((texts) => row("td", texts));
  const table = element("table", {}, element("thead", {}, row("th", head)), element("tbody", {}, body));
  return element("div", { class: "scroll", tabindex: 0 }, table);
}

/** An answer on the page while it grows. Blocks that can't change any more are left alone. */
export class Prose {
  constructor(node, cite) {
    this.node = node;
    this.cite = cite;
    this.clear();
  }

  clear() {
    this.text = "";
    this.pending = "";
    this.due = 0;
    this.openNodes = [];
    this.node.replaceChildren();
  }

  append(text) {
    this.text += text;
    this.pending += text;
  }

  /** Show this text instead of what has arrived. What has arrived stays the answer, which can be copied. */
  annotate(text) {
    if (text === this.text) return;
    const answer = this.text;
    this.clear();
    this.append(text);
    this.render();
    this.text = answer;
  }

  /** Show what has arrived, unless the last time was too short ago for what it cost. Says whether it was shown. */
  renderWhenDue() {
    if (performance.now() < this.due) return false;
    this.render();
    return true;
  }

  /** Show all that has arrived. */
  render() {
    const began = performance.now();
    this.#renderPending();
    const ended = performance.now();
    this.due = ended + (ended - began) * REST;
  }

  /** A last line that isn't whole may still join the block before it, so both stay open. */
  #renderPending() {
    const lines = this.pending.replaceAll("\r", "").replaceAll("\t", "    ").split("\n");
    const blocks = parse(lines);
    const nodes = blocks.map((block) => render(block, this.cite));
    for (const node of this.openNodes) node.remove();
    for (const node of nodes) this.node.append(node);
    const whole = blocks.length && blocks.at(-1).line < lines.length - 1;
    const settled = Math.max(blocks.length - (whole ? 1 : 2), 0);
    this.openNodes = nodes.slice(settled);
    this.pending = settled ? lines.slice(blocks[settled].line).join("\n") : lines.join("\n");
  }
}
