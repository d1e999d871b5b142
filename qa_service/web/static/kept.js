/** This module lists the files that a conversation is answered from, above the question. Each can be deleted. */

import { call, fetchJson } from "./api.js";
import { element, icon } from "./element.js";
import { label, words } from "./words.js";

/** The list. `box` is a `details` element with a count and a list in it. */
export class KeptFiles {
  constructor(box) {
    Object.assign(this, { box, sessionId: "", files: [] });
    this.count = box.querySelector('[data-part="count"]');
    this.list = box.querySelector("ul");
    document.addEventListener("click", ({ target }) => {
      if (target.isConnected && !box.contains(target)) box.open = false;
    });
  }

  async load(sessionId) {
    this.sessionId = sessionId;
    const path = `sessions/${encodeURIComponent(sessionId)}/files`;
    const { items } = sessionId ? await fetchJson(path).catch(() => ({ items: [] })) : { items: [] };
    if (this.sessionId !== sessionId) return;
    this.files = items;
    this.#show();
  }

  #show() {
    this.box.hidden = !this.files.length;
    this.count.textContent = this.files.length;
    this.list.replaceChildren(...this.files.map((file) => this.#row(file)));
  }

  #row(file) {
    const remove = element("button", { type: "button", class: "quiet icon-only", onclick: () => this.#remove(file) }, icon("trash"));
    const pages = file.pages > 1 ? words("page", { page: file.pages }) : "";
    return element("li", { class: "chip" }, icon("file"), element("span", { class: "name" }, file.name),
      element("span", { class: "note" }, pages), label(remove, "remove", { name: file.name }));
  }

  async #remove(file) {
    if (!confirm(words("removeFileSure", { name: file.name }))) return;
    const path = `sessions/${encodeURIComponent(this.sessionId)}/files/${encodeURIComponent(file.fileId)}`;
    await call(path, { method: "DELETE" }).catch(() => {});
    await this.load(this.sessionId);
  }
}
