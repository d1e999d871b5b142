/** Inline Markdown as nodes: code, emphasis, links to http, https and mailto, citation numbers; all else is text. */

import { element } from "./element.js";

const TOKEN = /\\[!-/:-@[-`{-~]|`+|!?\[|\*+|_+|~~|https?:\/\/|\n|<br ?\/?>/g;
const CITATION = /\[(\d{1,3}(?: ?, ?\d{1,3}){0,9})\](?!\()/y;
const LINK = /!?\[((?:[^[\]\\]|\\.|\[[^[\]]{0,200}\]){0,1000})\]\( ?<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)?)>?(?: +"[^"]{0,300}")? ?\)/y;
const ADDRESS = /https?:\/\/[^\s<>"`\u3000-\u303f\uac00-\ud7a3\uff00-\uffef]+/y;
const TRAILING = /[.,;:!?'*_~)\]}]/;
const DEEPEST = 30;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const WRAPS = { "*": ["em", "strong"], _: ["em", "strong"], "~": ["del", "del"] };

/** The address, if it is one a reader may be sent to, else null. */
export function safeAddress(text) {
  if (!URL.canParse(text)) return null;
  const address = new URL(text);
  return SCHEMES.has(address.protocol) ? address.href : null;
}

/** A link that opens beside the page and tells the other side nothing of it; plain text when it isn't safe. */
export function link(address, ...children) {
  const href = safeAddress(address);
  if (!href) return element("span", {}, ...children);
  return element("a", { href, rel: "noopener noreferrer", target: "_blank", title: href }, ...children);
}

/** Nodes for one run of text; `cite(n)` makes the node of a citation number. */
export function inline(source, cite) {
  return new Line(source, cite).nodes();
}

/** One pass over a run of text. Each delimiter looks only at the top of its own stack, so the pass is linear. */
class Line {
  constructor(source, cite) {
    this.source = source;
    this.cite = cite;
    this.out = [];
    this.open = { "*": [], _: [], "~": [] };
    this.unclosed = new Set();
  }

  nodes() {
    let at = 0;
    TOKEN.lastIndex = 0;
    for (let found = TOKEN.exec(this.source); found; found = this.#next(at)) {
      this.#text(this.source.slice(at, found.index));
      at = this.#take(found[0], found.index);
    }
    this.#text(this.source.slice(at));
    return this.out.map((part) => (part.char ? part.char.repeat(part.count) : part));
  }

  #next(at) {
    TOKEN.lastIndex = at;
    return TOKEN.exec(this.source);
  }

  #text(text) {
    if (text) this.out.push(text);
  }

  /** Read the token at `at`; answer where to go on. */
  #take(token, at) {
    const end = at + token.length;
    switch (token[0]) {
      case "\\": this.#text(token[1]); return end;
      case "`": return this.#code(token, at);
      case "!":
      case "[": return this.#bracket(token, at);
      case "h": return this.#address(at);
      case "\n":
      case "<": this.out.push(element("br")); return end;
      default: this.#delimiter(token, at); return end;
    }
  }

  #code(ticks, at) {
    const from = at + ticks.length;
    const end = this.unclosed.has(ticks.length) ? -1 : this.#closing(ticks, from);
    if (end < 0) {
      this.unclosed.add(ticks.length);
      this.#text(ticks);
      return from;
    }
    const code = this.source.slice(from, end).replaceAll("\n", " ");
    this.out.push(element("code", {}, /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code));
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
    const cited = this.#match(CITATION, at);
    if (cited) {
      const numbers = cited[1].split(",").map((number) => Number(number));
      this.out.push(...numbers.map((number) => this.cite(number)));
      return at + cited[0].length;
    }
    const linked = this.#match(LINK, at);
    if (!linked) {
      this.#text(token);
      return at + token.length;
    }
    const label = inline(linked[1] || linked[2], (number) => `[${number}]`).map(unlinked);
    this.out.push(link(linked[2], ...label));
    return at + linked[0].length;
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
    this.out.push(link(address, address));
    return at + address.length;
  }

  /** Hangul follows a closing mark directly (`**굵게**는`), so only spaces decide; `_` inside a word is a letter. */
  #delimiter(run, at) {
    const char = run[0];
    const before = this.source[at - 1] ?? " ";
    const after = this.source[at + run.length] ?? " ";
    const inWord = char === "_" && /\w/.test(before) && /\w/.test(after);
    let count = run.length;
    if (!inWord && /\S/.test(before)) count = this.#close(char, count);
    if (!count) return;
    if (!inWord && /\S/.test(after) && this.open[char].length < DEEPEST) this.open[char].push(this.out.length);
    this.out.push({ char, count });
  }

  #close(char, count) {
    let left = count;
    while (left && this.open[char].length) {
      const index = this.open[char].at(-1);
      const opener = this.out[index];
      if (index === this.out.length - 1) return left;
      const used = Math.min(left, opener.count, 2);
      const inner = this.out.splice(index + 1).map((part) => (part.char ? part.char.repeat(part.count) : part));
      opener.count -= used;
      left -= used;
      this.#forget(opener.count ? index : index - 1);
      if (!opener.count) this.out.pop();
      this.out.push(element(WRAPS[char][used - 1], {}, ...inner));
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

/** A link's label holds no second link. */
function unlinked(part) {
  return part instanceof HTMLAnchorElement ? part.textContent : part;
}

/** An address without the marks of the sentence around it; a bracket that was opened in it is its own. */
function unwrapped(address) {
  let end = address.length;
  let closed = address.split(")").length - address.split("(").length;
  while (end && TRAILING.test(address[end - 1]) && (address[end - 1] !== ")" || closed > 0)) {
    if (address[end - 1] === ")") closed -= 1;
    end -= 1;
  }
  return address.slice(0, end);
}
