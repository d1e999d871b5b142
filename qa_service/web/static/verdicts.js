/** The files of one question: sent, being read page by page, and what became of each. */

import { element, icon } from "./element.js";
import { hasWords, say } from "./words.js";

const STATUS_WORDS = { used: "fileUsed", truncated: "fileTruncated", skipped: "fileSkipped", failed: "fileFailed" };

/** A list of chips, one a file, in the order they were sent. A follow-up is told of `earlier` files again: not shown. */
export class Verdicts {
  constructor(sent, earlier) {
    this.node = element("ul", { class: "chips" });
    this.earlier = earlier.filter((name) => !sent.includes(name));
    this.chips = [];
    for (const name of sent) this.#chip(name);
  }

  /** A page more has been read. */
  progress({ name, page = 0, pages = 0 }) {
    const { note, bar } = this.#waiting(name);
    bar.hidden = pages < 2;
    if (page < 1 || pages === 1) return;
    say(note, pages ? "pageOf" : "page", { page, pages });
    bar.max = pages || 1;
    bar.value = page;
  }

  /** A file has been read, or not. */
  settle({ name, status, reason, pages = 0 }) {
    const chip = this.#waiting(name);
    const known = reason && hasWords(`reason_${reason}`);
    chip.settled = true;
    chip.bar.hidden = true;
    chip.node.dataset.status = status;
    say(chip.note, known ? `reason_${reason}` : STATUS_WORDS[status] ?? "read", { pages });
  }

  /** The last word on all files. */
  settleAll(verdicts) {
    const mine = verdicts.filter(({ name }) => !this.earlier.includes(name));
    if (!mine.length) return;
    this.chips = [];
    this.node.replaceChildren();
    for (const verdict of mine) this.settle(verdict);
  }

  get names() {
    return this.chips.map(({ name }) => name);
  }

  #waiting(name) {
    return this.chips.find((chip) => chip.name === name && !chip.settled) ?? this.#chip(name);
  }

  #chip(name) {
    const note = element("span", { class: "note" });
    const bar = element("progress", { hidden: true, max: 1, value: 0, "aria-label": name });
    const node = element("li", { class: "chip" }, icon("file"), element("span", { class: "name" }, name), note, bar);
    const chip = { name, node, note, bar, settled: false };
    this.node.append(node);
    this.chips.push(chip);
    return chip;
  }
}
