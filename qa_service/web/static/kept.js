/**
 * This module lists the files of a conversation above the question. Each can be deleted. One from which no question can
 * be answered says so, and isn't counted among the others.
 */

import { element, icon } from "./element.js";
import { showVerdict } from "./verdicts.js";
import { label, words } from "./words.js";

const USABLE = ["used", "partly", "truncated"];

/** The list. `box` is a `details` element with a count and a list in it. */
export class KeptFiles {
  constructor(box, service) {
    Object.assign(this, { box, service, sessionId: "", files: [] });
    this.count = box.querySelector('[data-part="count"]');
    this.list = box.querySelector("ul");
    box.getRootNode().addEventListener("click", ({ target }) => {
      if (target.isConnected && !box.contains(target)) box.open = false;
    });
  }

  async load(sessionId) {
    this.sessionId = sessionId;
    const path = `sessions/${encodeURIComponent(sessionId)}/files`;
    const { items } = sessionId ? await this.service.fetchJson(path).catch(() => ({ items: [] })) : { items: [] };
    if (this.sessionId !== sessionId) return;
    this.files = items;
    this.#show();
  }

  #show() {
    this.box.hidden = !this.files.length;
    const usable = this.files.filter(({ status }) => USABLE.includes(status)).length;
    this.count.textContent = usable;
    label(this.count.parentNode, "filesCounted", { count: usable });
    this.list.replaceChildren(...this.files.map((file) => this.#row(file)));
  }

  #row(file) {
    const remove = element("button", { type: "button", class: "quiet icon-only", onclick: () => this.#remove(file) }, icon("trash"));
    const pages = file.pages > 1 ? words("pageCount", { pages: file.pages }) : "";
    const note = element("span", { class: "note" }, pages);
    const row = element("li", { class: "chip" }, icon("file"), element("span", { class: "name" }, file.name), note,
      label(remove, "remove", { name: file.name }));
    if (file.status !== "used") showVerdict(row, note, file);
    return row;
  }

  async #remove(file) {
    if (!confirm(words("removeFileSure", { name: file.name }))) return;
    const path = `sessions/${encodeURIComponent(this.sessionId)}/files/${encodeURIComponent(file.fileId)}`;
    await this.service.fetchJson(path, { method: "DELETE" }).catch(() => {});
    await this.load(this.sessionId);
  }
}
