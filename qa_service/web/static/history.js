/**
 * This module lists past conversations. Those of a known caller come from the server. Those of an anonymous visitor are
 * kept in this browser alone.
 */

import { element, icon } from "./element.js";
import { browserStorage, tabStorage } from "./storage.js";
import { label, say, since, words } from "./words.js";

const STORED_HISTORY = "qa.history";
const CURRENT = "qa.session";
const MOST = 100;

/** The id of this tab's conversation, which is shown again after a reload. */
export function currentSession() {
  return tabStorage.getItem(CURRENT) ?? "";
}

export function setCurrentSession(sessionId) {
  tabStorage.setItem(CURRENT, sessionId);
}

/** The list in the side bar. It calls `listener.open(sessionId)` for a choice, and `listener.gone(sessionId)` for a deletion. */
export class History {
  constructor(list, { service, listener }) {
    Object.assign(this, { list, service, listener, anonymous: true, items: readItems(), current: "" });
  }

  async load(caller) {
    this.anonymous = caller.kind === "anonymous";
    if (!this.anonymous) this.items = (await this.service.fetchJson("sessions?limit=100").catch(() => ({ items: [] }))).items;
    this.show(this.current);
  }

  /** Put a conversation first, because a question was asked in it just now. */
  touch(sessionId, title) {
    const known = this.items.find((item) => item.sessionId === sessionId);
    const item = { sessionId, title: known?.title ?? title.slice(0, 120), updatedAt: new Date().toISOString() };
    this.#keep([item, ...this.items.filter((other) => other !== known)]);
  }

  forget(sessionId) {
    this.#keep(this.items.filter((item) => item.sessionId !== sessionId));
  }

  show(current) {
    this.current = current;
    const rows = this.items.map((item) => this.#row(item));
    this.list.replaceChildren(...(rows.length ? rows : [say(element("li", { class: "faint" }), "historyEmpty")]));
  }

  #keep(items) {
    this.items = items.slice(0, MOST);
    if (this.anonymous) browserStorage.setItem(STORED_HISTORY, JSON.stringify(this.items));
    this.show(this.current);
  }

  #row({ sessionId, title, updatedAt }) {
    const name = title || words("untitled");
    const open = element("button", { type: "button", class: "open", onclick: () => this.listener.open(sessionId) },
      element("span", { class: "name" }, name), element("time", { datetime: updatedAt }, since(updatedAt)));
    if (sessionId === this.current) open.setAttribute("aria-current", "true");
    const remove = element("button", { type: "button", class: "quiet icon-only", onclick: () => this.#remove(sessionId, name) }, icon("trash"));
    return element("li", {}, open, label(remove, "removeConversation", { title: name }));
  }

  async #remove(sessionId, title) {
    if (!confirm(words("removeConversationSure", { title }))) return;
    try {
      await this.service.call(`sessions/${encodeURIComponent(sessionId)}`, { method: "DELETE" });
    } catch (problem) {
      if (problem.status !== 404) return;
    }
    this.forget(sessionId);
    this.listener.gone(sessionId);
  }
}

/** Read the stored list. It may come from another version of this page, or be damaged. */
function readItems() {
  try {
    const items = JSON.parse(browserStorage.getItem(STORED_HISTORY));
    return items.filter(({ sessionId, title }) => typeof sessionId === "string" && typeof title === "string");
  } catch {
    return [];
  }
}
