/** This module shows the page of a source, with the sentence that was quoted marked in it. */

import { element, icon } from "./element.js";
import { nameOf } from "./sources.js";
import { say } from "./words.js";

/** From this width on, in pixels, a page has its place beside the answer. */
const WIDE = 1_000;

/**
 * The dialog with the page of a source. Where `frame`, the node around the chat, is wide, it stands beside the answer, which
 * can be read on meanwhile. Elsewhere it lies over the answer.
 */
export class SourceDialog {
  constructor(dialog, { service, frame }) {
    Object.assign(this, { dialog, service, frame, shown: 0, findOpener: () => null });
    this.part("close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", ({ target }) => target === dialog && !this.isBeside && dialog.close());
    dialog.addEventListener("close", () => this.#closed());
    frame.addEventListener("keydown", (event) => this.#pressed(event));
    new ResizeObserver(() => this.isBeside && !this.#isWide && dialog.close()).observe(frame);
    this.part("previous").append(icon("back"));
    this.part("next").append(icon("forward"));
  }

  /** Whether the page stands beside the answer now. */
  get isBeside() {
    return this.frame.classList.contains("beside");
  }

  get #isWide() {
    return this.frame.clientWidth >= WIDE;
  }

  close() {
    this.dialog.close();
  }

  part(name) {
    return this.dialog.querySelector(`[data-part="${name}"]`);
  }

  /** Show the page of a source. When the dialog closes, the focus goes to `findOpener()`, or without it to what has it now. */
  open(reference, findOpener) {
    this.part("title").textContent = nameOf(reference);
    delete this.part("place").dataset.word;
    this.part("place").textContent = reference.section ?? "";
    this.part("text").replaceChildren(element("mark", {}, reference.quote ?? ""));
    for (const way of ["previous", "next"]) this.part(way).hidden = true;
    say(this.part("note"), "pageUnavailable");
    this.part("note").hidden = true;
    this.#show(findOpener);
    if (reference.url) this.#turnTo(reference.url, reference.quote ?? "");
    else this.part("note").hidden = false;
  }

  #show(findOpener) {
    const opener = this.dialog.getRootNode().activeElement;
    if (!this.dialog.contains(opener)) this.findOpener = findOpener ?? (() => opener);
    if (!this.dialog.open && this.#isWide) {
      this.frame.classList.add("beside");
      this.dialog.show();
    } else if (!this.dialog.open) this.dialog.showModal();
    this.part("close").focus();
  }

  /** Whether the focus is in the dialog, or nowhere. */
  get #holdsFocus() {
    const focused = this.dialog.getRootNode().activeElement;
    return !focused || this.dialog.contains(focused);
  }

  /** The focus goes back to where it came from, unless the person has taken it elsewhere since. */
  #closed() {
    this.frame.classList.remove("beside");
    this.shown += 1;
    for (const name of ["title", "place", "text"]) this.part(name).replaceChildren();
    if (this.#holdsFocus) this.findOpener()?.focus();
  }

  /** A dialog that lies over the answer closes by itself. */
  #pressed(event) {
    if (event.key !== "Escape" || !this.isBeside || event.defaultPrevented || event.target.matches("textarea")) return;
    event.preventDefault();
    this.dialog.close();
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
    this.#showPlace(page);
    this.#showNeighbour("previous", page.page - 1, { page, address, quote });
    this.#showNeighbour("next", page.page + 1, { page, address, quote });
    this.part("text").replaceChildren(...markQuote(page.text, quote));
    const mark = this.part("text").querySelector("mark");
    if (mark) mark.scrollIntoView({ block: "center" });
    else this.part("text").scrollTop = 0;
  }

  /** A page goes by the number that is printed on it. Where that isn't its place in the file, both are said. */
  #showPlace({ label = "", page, pages, section }) {
    const place = this.part("place");
    if (label) say(place, "printedPageOf", { label, page, pages });
    else if (pages > 1) say(place, "pageOf", { page, pages });
    else place.textContent ||= section ?? "";
  }

  /** A button that leads no further is disabled. If it has the focus, that goes to the text, or else it would be lost. */
  #showNeighbour(way, number, { page, address, quote }) {
    const button = this.part(way);
    button.hidden = page.pages < 2;
    const isEnd = number < 1 || number > page.pages;
    if (isEnd && button.matches(":focus")) this.part("text").focus();
    button.disabled = isEnd;
    button.onclick = () => this.#turnTo(address.replace(/\d{1,6}$/, number), quote);
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
