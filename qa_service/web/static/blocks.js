/**
 * This module reads Markdown into blocks, one level at a time: what is in a quote or in an item of a list stays lines. Every
 * line is read a bounded number of times on each level, whatever stands in it.
 */

const DEEPEST_BLOCK = 12;
/** A browser lays out a list or a table as a whole, so one of more items or rows than this becomes several blocks. */
const LONGEST = 100;
const FENCE = /^ *(?:(`{3,})|(~{3,})(?!~))([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?: |$)/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,3}[.)])( +|$)/;
const ALIGNMENT = /^:?-+:?$/;
const TABLE_HEAD = /^\s*\|/;
const PART_OF_RULE = /^[|:\- ]*$/;
/** What a line begins with before it says what it is: signs that may be marks, or the number of an item. */
const UNDECIDED = /^[\s>\-+*_#~`|:=]*(?:\d{1,3}(?:[.)] ?[*_~`]*)?)?$/;
const FORMULA = /^ {0,3}(\$\$|\\\[)/;
/** How mathematics begins in a line, and how it ends. */
export const FORMULA_ENDS = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" };

const isBlank = (line) => line === undefined || !line.trim();
const indent = (line) => line.length - line.trimStart().length;

/** Make blocks of lines, which may be `isOpen` at their end. */
export function readBlocks(lines, { isOpen, depth = 0, last = null }) {
  return (isOpen ? parseGrowing : parse)(lines, depth, last);
}

/**
 * Make blocks of lines that still grow. A last line that doesn't say yet what it is waits. Where the lines end with the head
 * of a table whose rule hasn't come, it is read as if it had, so that a table is never shown as raw marks.
 */
function parseGrowing(lines, depth, last) {
  const known = waits(lines.at(-1)) ? lines.slice(0, -1) : lines;
  const blocks = parse(known, depth, last);
  const at = known.length - 1;
  const open = blocks.at(-1);
  if (open?.type !== "paragraph" || at < open.line) return blocks;
  if (!TABLE_HEAD.test(known[at]) || TABLE_HEAD.test(known[at - 1] ?? "")) return blocks;
  return parse([...known, "-|".repeat(cells(known[at]).length)], depth, last);
}

function waits(line) {
  return UNDECIDED.test(line) || PART_OF_RULE.test(line) || FENCE.test(line);
}

/**
 * Make blocks of lines that stand `depth` levels deep. Each block says at which line it begins, at which one the next block
 * does, and how deep its own `lines`, or those of its items, are. A list or table that goes on in the `next` block says how.
 * `last` is the block before the lines.
 */
export function parse(lines, depth = 0, last = null) {
  const blocks = [];
  let next = last?.next;
  for (let at = 0; at < lines.length; ) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const block = { line: at, depth: depth + 1, ...(next ? next.read(lines, at, next) : read(lines, at, depth)) };
    blocks.push(block);
    at = block.end;
    next = block.next;
  }
  return blocks;
}

function read(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return readFence(lines, at);
  if (HEADING.test(line)) return readHeading(line, at);
  if (RULE.test(line)) return { type: "rule", end: at + 1 };
  if (beginsFormula(line)) return readFormula(lines, at);
  if (QUOTE.test(line) && depth < DEEPEST_BLOCK) return readQuote(lines, at);
  if (ITEM.test(line) && depth < DEEPEST_BLOCK) return readList(lines, at);
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

/** Whether the line begins mathematics that stands alone: it ends with this line or with a later one, not within this one. */
function beginsFormula(line) {
  const [begin, mark] = FORMULA.exec(line) ?? [];
  if (!mark) return false;
  const end = line.indexOf(FORMULA_ENDS[mark], begin.length);
  return end < 0 || isBlank(line.slice(end + mark.length));
}

/** No mathematics has an empty line in it, so one ends what nothing has closed. */
function readFormula(lines, at) {
  const [begin, mark] = FORMULA.exec(lines[at]);
  const ends = (line, from) => line.includes(FORMULA_ENDS[mark], from);
  let end = at + 1;
  if (!ends(lines[at], begin.length)) {
    while (end < lines.length && !isBlank(lines[end]) && !ends(lines[end], 0)) end += 1;
    if (!isBlank(lines[end])) end += 1;
  }
  return { type: "formula", text: lines.slice(at, end).join("\n").trim(), end };
}

function readHeading(line, at) {
  const [, mark] = HEADING.exec(line);
  return { type: "heading", level: mark.length, text: line.trim().slice(mark.length).trim(), end: at + 1 };
}

function readQuote(lines, at) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { type: "quote", lines: inner, end };
}

/** Two spaces nest a list already, since models are careless about the third one that ordered lists ask for. */
function readList(lines, at) {
  const [, margin, mark] = ITEM.exec(lines[at]);
  return readItems(lines, at, { margin: margin.length, ordered: /\d/.test(mark), start: parseInt(mark, 10) });
}

function readItems(lines, at, { margin, ordered, start }) {
  const items = [];
  const list = { type: "list", ordered, start, items };
  let end = at;
  for (; end < lines.length; end += 1) {
    const line = lines[end];
    const item = indent(line) < margin + 2 ? ITEM.exec(line) : null;
    const sibling = item && /\d/.test(item[2]) === ordered && !RULE.test(line);
    if (sibling && items.length === LONGEST) {
      return { ...list, end, next: { read: readItems, margin, ordered, start: start + LONGEST } };
    }
    if (sibling) items.push([line.slice(item[0].length)]);
    else if (belongs(lines, end, margin)) items.at(-1).push(line);
    else break;
  }
  return { ...list, end };
}

/** The lines of an item without the margin of its second line, from which all deeper margins count. */
export function outdented([head, ...rest]) {
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

/** The texts of the cells of a row. */
export function cells(line) {
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
  return readRows(lines, at + 2, { aligned, head: lines[at] });
}

function readRows(lines, at, { aligned, head }) {
  const isRow = (line) => line?.includes("|");
  let end = at;
  while (end < at + LONGEST && isRow(lines[end])) end += 1;
  const next = end === at + LONGEST && isRow(lines[end]) ? { read: readRows, aligned, head } : undefined;
  return { type: "table", aligned, head, rows: lines.slice(at, end), end, next };
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
  const marked = begins || [FENCE, HEADING, RULE, QUOTE].some((mark) => mark.test(line));
  return marked || beginsFormula(line) || beginsTable(lines, at);
}
