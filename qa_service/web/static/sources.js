/** This module shows an answer's sources: as numbered cards, and as numbers in the text. */

import { citeAt } from "./cites.js";
import { element } from "./element.js";
import { link, safeAddress } from "./inline.js";
import { Preview } from "./preview.js";
import { label, say } from "./words.js";

/** Of more sources than this, only the first ones are shown at once; the style says how many. */
const MANY = 8;
/** A link leads to the first and the last words of a sentence, this many of each. */
const POINTING_WORDS = 5;

/**
 * The sources of one answer. `text` is the node of its text, in which a number can be pressed once its source is known: it
 * is expected while the text still comes, and has its reference at the end. `openSource(source, findNumber)` shows the page
 * of a source, where `findNumber()` gives the number that leads there, and `answer()` gives the text as it came.
 */
export class Sources {
  constructor(text, { openSource, answer }) {
    Object.assign(this, { text, openSource, answer });
    this.list = element("ol", { class: "sources" });
    this.all = element("button", { type: "button", class: "text", onclick: () => this.#showAll() });
    this.node = element("section", { hidden: true }, say(element("h3"), "sources"), this.list, this.all);
    this.preview = new Preview(text, (button) => this.#describe(button));
    this.clear();
  }

  clear() {
    this.references = new Map();
    this.expected = new Map();
    /** The nodes that were made for the numbers of each source. Looking for them in a long text takes long. */
    this.made = new Map();
    this.list.replaceChildren();
    this.showsAll = false;
    this.node.hidden = this.all.hidden = true;
  }

  /** Make the node for a number in the text. */
  cite(n) {
    const button = element("button", { type: "button", class: "cite", "data-n": n, onclick: () => this.#open(button) }, String(n));
    this.#updateNumber(button);
    if (!this.made.has(n)) this.made.set(n, []);
    this.made.get(n).push(button);
    return button;
  }

  /** Take the sources that the model is shown before it writes. They replace earlier ones. */
  expect(sources) {
    this.expected = new Map(sources.flatMap(expectedOf).map((source) => [source.n, source]));
  }

  add(reference) {
    this.references.set(reference.n, reference);
    this.list.append(this.#card(reference));
    this.#offerAll();
    this.node.hidden = false;
    for (const button of this.#shownOf(reference.n)) this.#updateNumber(button);
  }

  #offerAll() {
    const { length } = this.list.children;
    this.list.classList.toggle("few", length > MANY && !this.showsAll);
    this.all.hidden = !this.list.matches(".few");
    say(this.all, "showAllSources", { count: length });
  }

  /** Show all cards. Whoever asked for them by the keyboard goes on with the first of those that weren't shown. */
  #showAll() {
    const next = [...this.list.children].find((card) => !card.checkVisibility());
    this.showsAll = true;
    this.#offerAll();
    next?.firstElementChild.focus({ preventScroll: true });
  }

  /** Before the text is rendered anew: the number that has the focus keeps it, also where another node stands for it then. */
  keepFocus() {
    const focused = this.text.getRootNode().activeElement;
    if (!focused?.matches(".cite")) return;
    const findNumber = this.#finderOf(focused);
    queueMicrotask(() => findNumber()?.focus({ preventScroll: true }));
  }

  /**
   * The text with the numbers of those sources that it doesn't name by a number itself. The server counts code points,
   * as the string's iterator does.
   */
  withNumbers(text) {
    const unnamed = [...this.references.values()].filter(({ n }) => !this.#shownOf(n).length);
    const places = unnamed.flatMap(({ n, cites }) => (cites ?? []).map(({ end }) => ({ n, end })));
    if (!places.length) return text;
    const signs = [...text];
    let at = 0;
    let numbered = "";
    for (const { n, end } of places.sort((one, other) => one.end - other.end)) {
      numbered += `${signs.slice(at, end).join("")} [${n}]`;
      at = end;
    }
    return numbered + signs.slice(at).join("");
  }

  /** All sources have come, so a number without a reference is no citation, and becomes plain text. */
  settle() {
    const unknown = [...this.made.keys()].filter((n) => !this.references.has(n));
    for (const button of unknown.flatMap((n) => this.#shownOf(n))) button.replaceWith(`[${button.textContent}]`);
  }

  /** The numbers of one source that are in the text now, in the order in which they were made. */
  #shownOf(n) {
    const shown = (this.made.get(n) ?? []).filter((button) => this.text.contains(button));
    this.made.set(n, shown);
    return shown;
  }

  /** The numbers of one source in the order of the text. */
  #numbers(n) {
    return this.text.querySelectorAll(`.cite[data-n="${Number(n)}"]`);
  }

  /** The text is rendered anew while it grows, so a number is found by its place among those of its source. */
  #finderOf(button) {
    const { n } = button.dataset;
    const at = [...this.#numbers(n)].indexOf(button);
    return () => this.#numbers(n)[at];
  }

  #sourceOf(button) {
    const n = Number(button.dataset.n);
    return this.references.get(n) ?? this.expected.get(n);
  }

  #updateNumber(button) {
    const source = this.#sourceOf(button);
    button.disabled = !source;
    if (source) label(button, "openSource", { n: source.n, name: nameOf(source), place: hostOf(source) || source.section, page: source.page });
  }

  #open(button) {
    this.preview.hide();
    const source = this.#sourceOf(button);
    const quote = this.#quoteOf(source, button);
    if (source.kind === "document") this.openSource({ ...source, quote }, this.#finderOf(button));
    else this.#openLink(source, quote);
  }

  /**
   * The link in the card of a web page gets the focus, and leads to the sentence of the number that was pressed last. Where
   * there is no card yet, the page is opened.
   */
  #openLink({ n, url = "" }, quote) {
    const card = this.list.querySelector(`[data-n="${Number(n)}"] a`);
    const address = safeAddress(pointAt(url, quote));
    if (!card) return link(url).click();
    if (address) card.href = address;
    if (!card.checkVisibility()) this.#showAll();
    card.focus();
  }

  /** The sentence that supports this place of the text. */
  #quoteOf(reference, button) {
    const same = [...this.#numbers(reference.n)];
    const cite = citeAt(this.answer(), reference, same.indexOf(button));
    return cite?.quote || reference.quote;
  }

  /** What is shown beside a number. */
  #describe(button) {
    const source = this.#sourceOf(button);
    const quote = this.#quoteOf(source, button);
    return [
      element("strong", { class: "title" }, nameOf(source)),
      placeOf(source),
      quote ? element("q", {}, quote) : null,
    ];
  }

  #card(reference) {
    const body = [
      element("span", { class: "number" }, String(reference.n)),
      element("span", { class: "title" }, nameOf(reference)),
      placeOf(reference),
      reference.quote ? element("q", {}, reference.quote) : null,
    ];
    if (reference.kind === "document") {
      const open = element("button", { type: "button", class: "card", onclick: () => this.openSource(reference) }, ...body);
      return element("li", { "data-n": reference.n }, open);
    }
    const card = link(reference.url ?? "", ...body);
    card.classList.add("card");
    return element("li", { "data-n": reference.n }, card);
  }
}

/** The passages of a source that the model is shown, each in the form of a reference that has no quote yet. */
function expectedOf({ passages, ...source }) {
  const isDocument = source.kind === "document";
  return passages.map((passage) => ({ ...source, ...passage, url: isDocument ? `${source.url}/${passage.page ?? 1}` : source.url }));
}

/** What a source is called. */
export function nameOf(reference) {
  return reference.file || reference.title || reference.url || "";
}

/** The address that leads to this sentence of a page, where the service gave one that leads to another. */
function pointAt(address, quote = "") {
  const [page, sentence] = address.split("#:~:text=");
  if (!sentence || !quote) return address;
  const words = quote.trim().split(/\s+/);
  const ends = words.length > 2 * POINTING_WORDS ? [words.slice(0, POINTING_WORDS), words.slice(-POINTING_WORDS)] : [words];
  // A hyphen has a meaning of its own there.
  const written = ends.map((part) => encodeURIComponent(part.join(" ")).replaceAll("-", "%2D"));
  return `${page}#:~:text=${written.join(",")}`;
}

function placeOf(reference) {
  const place = element("span", { class: "place" });
  if (reference.kind === "url") place.textContent = hostOf(reference);
  else if (reference.section) place.textContent = reference.section;
  else if (reference.page) say(place, "page", { page: reference.page });
  return place;
}

/** The host of a page of the web; empty for a document. */
function hostOf({ kind, url = "" }) {
  return kind === "url" && safeAddress(url) ? new URL(url).hostname.replace(/^www\./, "") : "";
}
