/** This module shows the files of one question: that they were sent, how far they are read, and what became of each. */

import { element, icon } from "./element.js";
import { hasWords, say } from "./words.js";

const STATUS_WORDS = { __proto__: null, used: "fileUsed", partly: "fileTruncated", truncated: "fileTruncated", skipped: "fileSkipped", failed: "fileFailed" };

/** Write page numbers as people do: 2–5, 9. Numbers that follow each other become a range. */
function listed(numbers) {
  const ranges = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last.to === number - 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`)).join(", ");
}

/** Write into a node what became of a file, and mark its chip with the status. */
export function showVerdict(node, note, { status, reason, pages = 0, unreadPages = [] }) {
  const keys = status === "partly" ? [`unread_${reason}`] : [`reason_${reason}`];
  node.dataset.status = status;
  const values = { pages, many: unreadPages.length > 1, list: listed(unreadPages) };
  say(note, keys.find(hasWords) ?? STATUS_WORDS[status] ?? "read", values);
}

/** A list with one chip for each file. A follow-up gets the verdicts of `earlier` files again, which aren't shown. */
export class Verdicts {
  constructor(sent, earlier) {
    this.node = element("ul", { class: "chips" });
    this.earlier = earlier.filter((name) => !sent.includes(name));
    this.chips = [];
    for (const name of sent) this.#chip(name);
  }

  /** Show that one more page has been read. */
  progress({ name, page = 0, pages = 0 }) {
    const { note, bar } = this.#waiting(name);
    bar.hidden = pages < 2;
    if (page < 1 || pages === 1) return;
    say(note, pages ? "pageOf" : "page", { page, pages });
    bar.max = pages || 1;
    bar.value = page;
  }

  /** Show what became of one file. */
  settle(verdict) {
    const chip = this.#waiting(verdict.name);
    chip.settled = true;
    chip.bar.hidden = true;
    showVerdict(chip.node, chip.note, verdict);
  }

  /** Show what became of all files in the end. */
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
