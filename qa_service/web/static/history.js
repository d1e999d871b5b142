/**
 * This module lists past conversations, and lets a person find, rename and delete them. Those of a known caller come from
 * the server. Those of an anonymous visitor are remembered in this browser alone.
 */

import { element } from "./element.js";
import { pastRow, renamingRow, undoRow } from "./history-rows.js";
import { changeRemembered, readRemembered, watchRemembered } from "./remembered.js";
import { label, say, words } from "./words.js";

const TITLE_LETTERS = 80;
/** A deletion can be undone for this long. Until then the server hears nothing of it. */
const UNDO_MS = 8_000;
const LISTED_AT_MOST = 100;

/**
 * The list in the side bar. It calls `listener.open(sessionId)` for a choice, `listener.gone(sessionId)` for a deletion,
 * `listener.renamed()` for another title, and `listener.complain(text)` where the server didn't do what was asked.
 */
export class History {
  constructor(list, { service, memory, announce, listener }) {
    Object.assign(this, { list, service, memory, announce, listener, anonymous: true, items: readRemembered(memory), current: "" });
    Object.assign(this, { sought: "", renaming: "", leaving: new Map(), generation: 0 });
    this.field = this.#searchField();
    list.tabIndex = -1;
  }

  /** Follow what happens to the list elsewhere. */
  begin() {
    this.watch = new AbortController();
    const { signal } = this.watch;
    watchRemembered(this.memory, () => this.#reread(), signal);
    addEventListener("pagehide", () => this.deleteAll(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#refresh(), { signal });
  }

  /** The list isn't shown any more. What could have been undone until now can't be. */
  end() {
    this.watch.abort();
    this.deleteAll();
  }

  async load(caller) {
    this.anonymous = caller.kind === "anonymous";
    this.items = this.anonymous ? readRemembered(this.memory) : [];
    await this.#refresh();
    this.show(this.current);
  }

  /** Whether a conversation is one of the person's own. Which ones a known caller has, only the server can tell. */
  knows(sessionId) {
    return !this.anonymous || this.has(sessionId);
  }

  /** Whether a conversation stands in the list. */
  has(sessionId) {
    return this.items.some((item) => item.sessionId === sessionId);
  }

  /** The title of a conversation, or an empty string where it has none or isn't listed. */
  titleOf(sessionId) {
    return this.items.find((item) => item.sessionId === sessionId)?.title ?? "";
  }

  /**
   * Show no conversation any more, because nobody is signed in. Those of a visitor stay. What the service answers to an
   * earlier request isn't shown any more, since it belongs to another `generation` of the list.
   */
  empty() {
    this.items = this.anonymous ? this.items : [];
    this.generation += 1;
    this.sought = this.field.value = "";
    this.show("");
  }

  /**
   * Put a conversation first, because a question was asked in it just now. It is called by its first question, which may
   * have replaced the one `before`, unless somebody has named it.
   */
  touch(sessionId, question, before = "") {
    this.#change((items) => {
      const known = items.find((item) => item.sessionId === sessionId);
      const isNamed = known && known.title !== titleFrom(before);
      const item = { sessionId, title: isNamed ? known.title : titleFrom(question), updatedAt: new Date().toISOString() };
      return [item, ...items.filter((other) => other !== known)];
    });
  }

  forget(sessionId) {
    this.#change((items) => items.filter((item) => item.sessionId !== sessionId));
  }

  show(current) {
    this.current = current;
    if (this.renaming) return; // or else a field would be replaced while somebody writes in it
    this.field.hidden = !this.items.length;
    const found = this.items.filter(({ title }) => fold(title || words("untitled")).includes(fold(this.sought)));
    const rows = found.map((item) => this.#row(item));
    const empty = say(element("li", { class: "faint" }), this.items.length ? "historyNothingFound" : "historyEmpty");
    const hadFocus = this.list.matches(":focus-within");
    this.list.replaceChildren(...(rows.length ? rows : [empty]));
    if (hadFocus) this.list.focus({ preventScroll: true }); // otherwise keys wouldn't reach the side bar any more
  }

  #searchField() {
    const field = label(element("input", { type: "search", class: "seek", autocomplete: "off", hidden: true }), "searchHistory");
    field.dataset.hint = "searchHistory";
    field.placeholder = words("searchHistory");
    field.addEventListener("input", () => {
      this.sought = field.value.trim();
      this.show(this.current);
      this.announce(words("historyFound", { found: this.list.querySelectorAll(".open").length }));
    });
    this.list.before(field);
    return field;
  }

  /** Change the list. What another tab has added to a visitor's list meanwhile stays. */
  #change(change) {
    this.items = this.anonymous ? changeRemembered(this.memory, change) : change(this.items);
    this.show(this.current);
  }

  #reread() {
    if (!this.anonymous) return;
    this.items = readRemembered(this.memory);
    this.show(this.current);
  }

  /** The person comes back to this tab, and may have asked in another one or on another device. */
  async #refresh() {
    const { generation } = this;
    if (this.anonymous) return;
    const fresh = await this.service.fetchJson(`sessions?limit=${LISTED_AT_MOST}`).catch(() => null);
    if (!fresh || generation !== this.generation) return;
    this.items = fresh.items;
    this.show(this.current);
  }

  #row(item) {
    const { sessionId } = item;
    if (this.leaving.has(sessionId)) return undoRow(item, () => this.#undo(sessionId));
    return pastRow(item, {
      isCurrent: sessionId === this.current,
      open: () => this.listener.open(sessionId),
      rename: (row) => this.#rename(row, item),
      remove: () => this.#remove(item),
    });
  }

  #rename(row, { sessionId, title }) {
    this.renaming = sessionId;
    const form = renamingRow(title || words("untitled"), {
      save: (next) => this.#saveTitle(sessionId, next),
      close: () => {
        this.renaming = "";
        this.show(this.current);
        this.#focus(sessionId, ".rename");
      },
    });
    row.replaceWith(form);
    form.querySelector("input").select();
  }

  async #saveTitle(sessionId, title) {
    const headers = { "Content-Type": "application/json" };
    try {
      await this.service.fetchJson(`sessions/${encodeURIComponent(sessionId)}`, { method: "PATCH", headers, body: JSON.stringify({ title }) });
      this.#change((items) => items.map((item) => (item.sessionId === sessionId ? { ...item, title } : item)));
      this.listener.renamed();
    } catch (problem) {
      this.listener.complain(problem.message);
    }
  }

  /** Take a conversation away for the eye. The server deletes it when it can't be undone any more. */
  #remove({ sessionId, title }) {
    const wasCurrent = sessionId === this.current;
    this.leaving.set(sessionId, { wasCurrent, timer: setTimeout(() => this.#delete(sessionId), UNDO_MS) });
    this.listener.gone(sessionId);
    this.show(this.current);
    this.#focus(sessionId, ".undo");
    this.announce(words("conversationRemoved", { title: title || words("untitled") }));
  }

  #undo(sessionId) {
    const { wasCurrent, timer } = this.leaving.get(sessionId);
    clearTimeout(timer);
    this.leaving.delete(sessionId);
    this.show(this.current);
    this.#focus(sessionId, ".open");
    if (wasCurrent && !this.current) this.listener.open(sessionId);
  }

  /**
   * Delete at once the conversations whose deletion could still be undone. A page that is left can't wait for an answer,
   * so the browser keeps the request alive.
   */
  deleteAll() {
    for (const [sessionId, { timer }] of this.leaving) {
      clearTimeout(timer);
      this.#delete(sessionId);
    }
  }

  async #delete(sessionId) {
    const item = this.items.find((each) => each.sessionId === sessionId);
    const { generation } = this;
    this.leaving.delete(sessionId);
    this.forget(sessionId);
    try {
      await this.service.fetchJson(`sessions/${encodeURIComponent(sessionId)}`, { method: "DELETE", keepalive: true });
    } catch (problem) {
      if (problem.status === 404 || !item || generation !== this.generation) return;
      this.#change((items) => [item, ...items].sort((one, other) => other.updatedAt.localeCompare(one.updatedAt)));
      this.listener.complain(problem.message);
    }
  }

  #focus(sessionId, button) {
    this.list.querySelector(`[data-session="${CSS.escape(sessionId)}"] ${button}`)?.focus();
  }
}

/** The title that a conversation has by its first question, as the service makes it in `shorten_title` of `desk.py`. */
function titleFrom(question) {
  const letters = [...question.trim().replace(/\s+/g, " ")];
  return letters.length <= TITLE_LETTERS ? letters.join("") : `${letters.slice(0, TITLE_LETTERS - 1).join("").trimEnd()}…`;
}

/** Letters that differ in case alone are the same to somebody who searches, and so are those that are composed. */
function fold(text) {
  return text.normalize("NFC").toLowerCase();
}
