/** This module shows an answer's sources: as numbered cards, as numbers in the text, and as the page of a quote. */

import { element, icon } from "./element.js";
import { link, safeAddress } from "./inline.js";
import { label, say } from "./words.js";

/**
 * The sources of one answer. `text` is the node of its text, in which a number can be pressed once its source has come.
 * `openSource(reference)` shows the page of a source.
 */
export class Sources {
  constructor(text, { openSource }) {
    Object.assign(this, { text, openSource });
    this.list = element("ol", { class: "sources" });
    this.node = element("section", { hidden: true }, say(element("h3"), "sources"), this.list);
    this.clear();
  }

  clear() {
    this.references = new Map();
    this.list.replaceChildren();
    this.node.hidden = true;
  }

  /** Make the node for a number in the text. */
  cite(n) {
    const button = element("button", { type: "button", class: "cite", disabled: true, "data-n": n }, String(n));
    this.#enliven(button);
    return button;
  }

  add(reference) {
    this.references.set(reference.n, reference);
    this.list.append(this.#card(reference));
    this.node.hidden = false;
    for (const button of this.#numbers()) this.#enliven(button);
  }

  /**
   * The text with the numbers of those sources that it doesn't name by a number itself. The server counts code points,
   * as the string's iterator does.
   */
  withNumbers(text) {
    const printed = new Set([...this.#numbers()].map(({ dataset }) => Number(dataset.n)));
    const unnamed = [...this.references.values()].filter(({ n }) => !printed.has(n));
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

  /** All sources have come, so a number without a source is no citation, and becomes plain text. */
  settle() {
    for (const button of this.#numbers()) {
      if (button.disabled) button.replaceWith(`[${button.textContent}]`);
    }
  }

  #numbers() {
    return this.text.querySelectorAll(".cite");
  }

  #enliven(button) {
    const n = Number(button.dataset.n);
    const reference = this.references.get(n);
    if (!reference || !button.disabled) return;
    button.disabled = false;
    label(button, "openSource", { n });
    button.addEventListener("click", () => this.#open(reference, button));
  }

  #open(reference, button) {
    if (reference.kind === "document") this.openSource({ ...reference, quote: this.#quoteOf(reference, button) });
    else this.list.querySelector(`[data-n="${Number(reference.n)}"] a`)?.focus();
  }

  /** The sentence that supports this place of the text. The numbers of a source stand in the order of its places. */
  #quoteOf({ n, quote, cites = [] }, button) {
    const same = [...this.#numbers()].filter(({ dataset }) => Number(dataset.n) === n);
    return (same.length === cites.length && cites[same.indexOf(button)].quote) || quote;
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

function nameOf(reference) {
  return reference.file || reference.title || reference.url || "";
}

function placeOf(reference) {
  const place = element("span", { class: "place" });
  if (reference.kind === "url") place.textContent = hostOf(reference.url);
  else if (reference.section) place.textContent = reference.section;
  else if (reference.page) say(place, "page", { page: reference.page });
  return place;
}

function hostOf(address) {
  return safeAddress(address ?? "") ? new URL(address).hostname.replace(/^www\./, "") : "";
}

/** The dialog that shows the page on which a quote stands, with the quote marked. */
export class SourceDialog {
  constructor(dialog, service) {
    Object.assign(this, { dialog, service, shown: 0 });
    this.part("close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    this.part("previous").append(icon("back"));
    this.part("next").append(icon("forward"));
  }

  part(name) {
    return this.dialog.querySelector(`[data-part="${name}"]`);
  }

  open(reference) {
    this.part("title").textContent = nameOf(reference);
    this.part("place").textContent = reference.section ?? "";
    this.part("text").replaceChildren(element("mark", {}, reference.quote ?? ""));
    for (const way of ["previous", "next"]) this.part(way).hidden = true;
    say(this.part("note"), "pageUnavailable");
    this.part("note").hidden = true;
    this.dialog.showModal();
    if (reference.url) this.#turnTo(reference.url, reference.quote ?? "");
    else this.part("note").hidden = false;
  }

  /** Show the text of one page. A page that comes late never replaces one that was asked for later. */
  async #turnTo(address, quote) {
    const mine = (this.shown += 1);
    this.dialog.setAttribute("aria-busy", "true");
    const page = await this.service.fetchJson(address).catch(() => null);
    if (mine !== this.shown) return;
    this.dialog.removeAttribute("aria-busy");
    this.part("note").hidden = page !== null;
    if (page) this.#showPage(page, address, quote);
  }

  #showPage(page, address, quote) {
    if (page.pages > 1) say(this.part("place"), "pageOf", { page: page.page, pages: page.pages });
    else this.part("place").textContent ||= page.section ?? "";
    this.#showNeighbour("previous", page.page - 1, { page, address, quote });
    this.#showNeighbour("next", page.page + 1, { page, address, quote });
    this.part("text").replaceChildren(...markQuote(page.text, quote));
    const mark = this.part("text").querySelector("mark");
    if (mark) mark.scrollIntoView({ block: "center" });
    else this.part("text").scrollTop = 0;
  }

  #showNeighbour(way, number, { page, address, quote }) {
    const button = this.part(way);
    button.hidden = page.pages < 2;
    button.disabled = number < 1 || number > page.pages;
    button.onclick = () => this.#turnTo(address.replace(/\/pages\/\d+/, `/pages/${number}`), quote);
  }
}

/** Return the text as nodes, with the quote in a `mark`. */
function markQuote(text, quote) {
  const [from, to] = findQuote(text, quote);
  if (to <= from) return [text];
  return [text.slice(0, from), element("mark", {}, text.slice(from, to)), text.slice(to)];
}

/** Find the quote's beginning and end, whatever its spaces and line ends are. `[0, 0]` means that it isn't there. */
function findQuote(text, quote) {
  const needle = quote.replace(/\s|^…|…$/g, "");
  const places = [];
  let folded = "";
  for (let at = 0; at < text.length; at += 1) {
    if (/\s/.test(text[at])) continue;
    folded += text[at];
    places.push(at);
  }
  const found = needle ? folded.indexOf(needle) : -1;
  return found < 0 ? [0, 0] : [places[found], places[found + needle.length - 1] + 1];
}
