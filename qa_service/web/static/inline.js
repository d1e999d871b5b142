/**
 * This module reads inline Markdown into parts that can be drawn: code, mathematics, emphasis, links to http, https and
 * mailto, and citation numbers. All else is text.
 *
 * The text is read from left to right, and nothing in it is looked at more than a few times, so the time grows with the
 * length of the text and no faster.
 *
 * A text that is open still grows at its end. A mark that is open there too is taken for what it most probably becomes: what
 * stands behind it is shown as emphasis, code, mathematics or the text of a link, and a mark at the very end isn't shown yet.
 */

import { FORMULA_ENDS } from "./blocks.js";
import { part } from "./drawing.js";
import { element } from "./element.js";
import { MARKER, numbersOf } from "./markers.js";

const TOKEN = /\\[!-/:-@[-`{-~]|`+|\$+|!?\[|[［【]|\*+|_+|~~|https?:\/\/|\n|<br ?\/?>/g;
/** Behind these a bracket begins no citation, as in `a[1]` and `[text][1]`. */
const INDEXED = /(?:\b[A-Za-z_]|[_\]\\])$/;
const TARGET = /\( ?<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)?)>?(?: +"[^"]{0,300}")? ?\)/y;
const ADDRESS = /https?:\/\/[^\s<>"`\u3000-\u303f\uac00-\ud7a3\uff00-\uffef]+/y;
/** A citation number, and the address of a link, of which the text doesn't have the end yet. */
const OPEN_CITATION = /[[［【][0-9０-９,，、 ]*$/y;
const OPEN_TARGET = /(?:\([^\s()<>]*)?$/y;
/** At the end of a text that is open, these signs and those wait for what follows them. */
const WAITING = new Set("*_~`$\\");
const WAITING_PAIR = /(?:<(?:b(?:r ?\/?)?)?|\\[([]|(?<!\S)!)$/;
const TRAILING = /[.,;:!?'*_~)\]}]/;
const BEFORE_WORD = /[\s([{"'“‘「『]/;
const MOST_OPEN = 30;
/** A longer run of one delimiter is text, since each two of them would nest one element more. */
const LONGEST_RUN = 9;
/** Without any of these, as in `\(주\)`, `\[1\]` or `$5`, signs stand for themselves. */
const MATHEMATICAL = /[A-Za-z\u0370-\u03ff\\^_=+<>]/;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
/** What a reader takes for the host, if a word is an address. */
const LABEL_HOST = /^(?:\w+:)?\/*(?:www\.)?([^/?#:]*)/;
/** What may be the name of a host, or has characters that nobody sees, which may also turn it around. */
const HOST = /\.[\p{L}]|^\d+(?:\.\d+){3}$|[\p{Cf}]/u;
const MATH = { class: "math" };
const WRAPS = { "*": ["em", "strong"], _: ["em", "strong"], "~": ["del", "del"] };

/**
 * Return the address if a reader may be sent to it, else null. An address with a name before the host is refused, because
 * in `https://bank.com@evil.example` that name poses as the host.
 */
export function safeAddress(text) {
  if (!URL.canParse(text)) return null;
  const { protocol, username, password, href } = new URL(text);
  return SCHEMES.has(protocol) && !(username + password) ? href : null;
}

/** A link that opens beside the page and tells the other side nothing of it. An unsafe address leaves plain text. */
export function link(address, ...children) {
  const { tag, attributes } = linkTo(address);
  return element(tag, attributes, ...children);
}

function linkTo(address, children) {
  const href = safeAddress(address);
  if (!href) return part("span", children);
  return part("a", withHost(children, new URL(href)), { href, rel: "noopener noreferrer", target: "_blank", title: href });
}

/** The parts of one run of text, which may be open. `cite(n)` makes the part of a citation number. */
export function inline(source, cite, isOpen = false) {
  return new Line(source, cite, isOpen).parts();
}

/** One pass over a run of text. Each delimiter looks only at the top of its own stack. */
class Line {
  constructor(source, cite, isOpen) {
    this.source = isOpen ? source.slice(0, endOfShown(source)) : source;
    this.cite = cite;
    this.isOpen = isOpen;
    this.lastBreak = source.lastIndexOf("\n");
    this.out = [];
    this.open = { "*": [], _: [], "~": [] };
    this.unclosed = new Set();
    this.formulaEnds = new Map();
    this.markers = new Map(Array.from(this.source.matchAll(MARKER), ({ 0: marker, index }) => [index, marker]));
    this.closers = null;
  }

  parts() {
    let at = 0;
    TOKEN.lastIndex = 0;
    for (let found = TOKEN.exec(this.source); found; found = this.#next(at)) {
      this.#text(this.source.slice(at, found.index));
      at = this.#take(found[0], found.index);
    }
    this.#text(this.source.slice(at));
    if (this.isOpen) this.#closeAll();
    return this.out.map(shown);
  }

  /** Close what is open, from within. What nothing follows isn't shown. */
  #closeAll() {
    const last = (char) => this.open[char].at(-1) ?? -1;
    for (;;) {
      const char = Object.keys(this.open).reduce((one, other) => (last(other) > last(one) ? other : one));
      const index = last(char);
      if (index < 0) return;
      const { count, isLikely } = this.out[index];
      const isLast = index === this.out.length - 1;
      if (isLikely && !isLast) this.#close(char, count);
      else this.open[char].pop();
      if (isLikely && isLast) this.out.pop();
    }
  }

  /** Whether what begins at `from` goes on to the end of an open text, which isn't likely across a line break. */
  #isOpenFrom(from) {
    return this.isOpen && this.lastBreak < from;
  }

  #next(at) {
    TOKEN.lastIndex = at;
    return TOKEN.exec(this.source);
  }

  /** Texts side by side become one, so that many brackets don't make many nodes. */
  #text(text) {
    const last = this.out.length - 1;
    if (typeof this.out[last] === "string") this.out[last] += text;
    else if (text) this.out.push(text);
  }

  /** Read the token at `at`, and answer where to go on. */
  #take(token, at) {
    const end = at + token.length;
    switch (token[0]) {
      case "\\": return this.#formula(token, at) || this.#put(token[1], end);
      case "$": return this.#formula(token, at) || this.#put(token, end);
      case "`": return this.#code(token, at);
      case "!":
      case "[":
      case "［":
      case "【": return this.#bracket(token, at);
      case "h": return this.#address(at);
      case "\n":
      case "<": this.out.push(part("br")); return end;
      default: this.#delimiter(token, at); return end;
    }
  }

  #put(text, end) {
    this.#text(text);
    return end;
  }

  /** Put the mathematics that begins here exactly as it was written, and answer where it ends; 0 if there is none. */
  #formula(mark, at) {
    const from = at + mark.length;
    const close = this.#formulaEnd(mark, from);
    if (close < 0 && this.#isLikelyFormula(mark, from)) return this.#wrap("code", at, this.source.length, MATH);
    if (close <= from) return 0;
    const end = close + FORMULA_ENDS[mark].length;
    if (mark === "$" && !this.#isTight(from, close)) return 0;
    if (!MATHEMATICAL.test(this.source.slice(from, close))) return 0;
    return this.#wrap("code", at, end, MATH);
  }

  #wrap(tag, from, end, attributes) {
    this.out.push(part(tag, [this.source.slice(from, end)], attributes));
    return end;
  }

  /** A number behind one dollar is a price. */
  #isLikelyFormula(mark, from) {
    if (!(mark in FORMULA_ENDS) || !this.#isOpenFrom(from)) return false;
    return (mark !== "$" || /[^\s\d]/.test(this.source[from])) && MATHEMATICAL.test(this.source.slice(from));
  }

  /** Where the next closing mark stands, or -1. It is looked for once, however many marks stand before it. */
  #formulaEnd(mark, from) {
    if (!(mark in FORMULA_ENDS)) return -1;
    const known = this.formulaEnds.get(mark) ?? 0;
    if (known < 0 || known >= from) return known;
    const found = this.source.indexOf(FORMULA_ENDS[mark], from);
    this.formulaEnds.set(mark, found);
    return found;
  }

  /** Two prices are no mathematics: no space is within the signs, and no letter or number follows the second one. */
  #isTight(from, close) {
    const [first, last, next = ""] = [from, close - 1, close + 1].map((at) => this.source[at]);
    return /\S/.test(first) && /[^\s\\]/.test(last) && !/[\w$]/.test(next);
  }

  #code(ticks, at) {
    const from = at + ticks.length;
    const end = this.unclosed.has(ticks.length) ? -1 : this.#closing(ticks, from);
    if (end < 0 && this.#isOpenFrom(from)) return this.#wrap("code", from, this.source.length);
    if (end < 0) {
      this.unclosed.add(ticks.length);
      this.#text(ticks);
      return from;
    }
    const code = this.source.slice(from, end).replaceAll("\n", " ");
    const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
    this.out.push(part("code", [isPadded ? code.slice(1, -1) : code]));
    return end + ticks.length;
  }

  #closing(ticks, from) {
    const runs = /`+/g;
    runs.lastIndex = from;
    for (let run = runs.exec(this.source); run; run = runs.exec(this.source)) {
      if (run[0].length === ticks.length) return run.index;
    }
    return -1;
  }

  #bracket(token, at) {
    const end = this.#citations(at) || this.#linked(token, at) || (this.#isOpenFrom(at) ? this.#unfinished(token, at) : 0);
    if (end) return end;
    // Only the first sign is text for sure: a citation may stand behind an exclamation mark.
    this.#text(token[0]);
    return at + 1;
  }

  /** Put the numbers of the marker that begins here, and answer where it ends; 0 if there is none. */
  #citations(at) {
    const marker = this.markers.get(at);
    if (!marker) return 0;
    this.out.push(...numbersOf(marker).map((number) => this.cite(number)));
    const end = at + marker.length;
    return this.#isOpenFrom(end) && this.#match(OPEN_CITATION, end) ? this.source.length : end;
  }

  /** Put the link or picture that begins here, and answer where it ends; 0 if there is none. */
  #linked(token, at) {
    const from = at + token.length;
    this.closers ??= closersOf(this.source);
    const closer = this.closers.get(from - 1);
    const target = closer === undefined ? null : this.#match(TARGET, closer + 1);
    if (!target) return 0;
    this.out.push(linkTo(target[1], this.#label(from, closer) || [target[1]]));
    return closer + 1 + target[0].length;
  }

  /** A link's label holds no second link. */
  #label(from, end) {
    const label = this.source.slice(from, end);
    return label && inline(label, (number) => `[${number}]`).map((part) => (part.tag === "a" ? textOf(part) : part));
  }

  /** Put what is known of a citation, a link or a picture that isn't whole, and answer where to go on; 0 if it is none. */
  #unfinished(token, at) {
    if (this.source[at] === "[" && INDEXED.test(this.source.slice(Math.max(at - 2, 0), at))) return 0;
    const { length } = this.source;
    const from = at + token.length;
    const closer = this.closers.get(from - 1);
    const isPicture = token[0] === "!";
    if (this.#match(OPEN_CITATION, from - 1)) return length;
    if (closer === undefined) return isPicture ? length : token === "[" && from;
    if (!this.#match(OPEN_TARGET, closer + 1)) return 0;
    if (!isPicture) this.out.push(part("span", this.#label(from, closer) || []));
    return length;
  }

  #match(pattern, at) {
    pattern.lastIndex = at;
    return pattern.exec(this.source);
  }

  #address(at) {
    const found = this.#match(ADDRESS, at);
    if (!found) {
      this.#text("http");
      return at + 4;
    }
    const address = unwrapped(found[0]);
    this.out.push(linkTo(address, [address]));
    return at + address.length;
  }

  /** Hangul follows a closing mark directly (`**굵게**는`), so only spaces decide; `_` inside a word is a letter. */
  #delimiter(run, at) {
    const char = run[0];
    if (run.length > LONGEST_RUN) {
      this.#text(run);
      return;
    }
    const before = this.source[at - 1] ?? " ";
    const after = this.source[at + run.length] ?? " ";
    const inWord = char === "_" && /\w/.test(before) && /\w/.test(after);
    let count = run.length;
    if (!inWord && /\S/.test(before)) count = this.#close(char, count);
    if (!count) return;
    if (inWord || /\s/.test(after) || this.open[char].length >= MOST_OPEN) {
      this.#text(char.repeat(count));
      return;
    }
    this.open[char].push(this.out.length);
    // One star behind a number or a word is more often a multiplication.
    this.out.push({ char, count, isLikely: run !== "*" || BEFORE_WORD.test(before) });
  }

  #close(char, count) {
    let left = count;
    while (left && this.open[char].length) {
      const index = this.open[char].at(-1);
      const opener = this.out[index];
      if (index === this.out.length - 1) return left;
      const used = Math.min(left, opener.count, 2);
      const children = this.out.splice(index + 1).map(shown);
      opener.count -= used;
      left -= used;
      this.#forget(opener.count ? index : index - 1);
      if (!opener.count) this.out.pop();
      this.out.push(part(WRAPS[char][used - 1], children));
    }
    return left;
  }

  /** Delimiters inside what was just wrapped can't pair with anything outside of it. */
  #forget(last) {
    for (const stack of Object.values(this.open)) {
      while (stack.length && stack.at(-1) > last) stack.pop();
    }
  }
}

/** What a part of the line is on the page: a delimiter that nothing closed is text. */
function shown(part) {
  return part.char ? part.char.repeat(part.count) : part;
}

/** Where an open text ends without the marks that may be half written. */
function endOfShown(source) {
  let end = source.length;
  while (WAITING.has(source[end - 1])) end -= 1;
  return end - (WAITING_PAIR.exec(source.slice(Math.max(end - 5, 0), end))?.[0].length ?? 0);
}

/** Where the `]` of each `[` stands. A bracket that holds others two levels deep has none, since no link's label does. */
function closersOf(source) {
  const closers = new Map();
  const open = [];
  for (let at = 0; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "[") open.push({ from: at, levels: 0 });
    else if (source[at] === "]" && open.length) {
      const { from, levels } = open.pop();
      if (levels < 2) closers.set(from, at);
      if (open.length) open.at(-1).levels = Math.max(open.at(-1).levels, levels + 1);
    }
  }
  return closers;
}

function textOf(part) {
  return typeof part === "string" ? part : (part.children ?? []).map(textOf).join("");
}

/** A label that names another host than the one where the link leads gets that host, or the mail address, beside it. */
function withHost(label, { hostname, pathname }) {
  const place = hostname || pathname;
  const isOther = (host) => HOST.test(host) && !`.${place}`.endsWith(`.${host}`);
  // Browsers take the full stop of Chinese and Japanese for a dot, too.
  const words = textOf({ children: label }).normalize("NFKC").replaceAll("。", ".").toLowerCase().split(/\s/);
  // What turns the direction of a label around must not reach what stands beside it.
  return words.some((word) => isOther(LABEL_HOST.exec(word)[1])) ? [part("bdi", label), ` (${place})`] : label;
}

/** An address without the marks of the sentence around it. A bracket that was opened in the address belongs to it. */
function unwrapped(address) {
  let end = address.length;
  let closed = address.split(")").length - address.split("(").length;
  while (end && TRAILING.test(address[end - 1]) && (address[end - 1] !== ")" || closed > 0)) {
    if (address[end - 1] === ")") closed -= 1;
    end -= 1;
  }
  return address.slice(0, end);
}
