/** This module builds the parts of a chat once, and tells each part what the others did. */

import { announcerIn } from "./announcer.js";
import { Address } from "./address.js";
import { Brand } from "./brand.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { forgetDrafts } from "./drafts.js";
import { drawIcons } from "./element.js";
import { isWrittenByTouch } from "./enter.js";
import { Follow } from "./follow.js";
import { History } from "./history.js";
import { KeptFiles } from "./kept.js";
import { currentKey, keepKey } from "./key.js";
import { KeyDialog } from "./key-dialog.js";
import { Shelf } from "./shelf.js";
import { SourceDialog } from "./source-dialog.js";
import { currentSession, setCurrentSession } from "./storage.js";
import { choose, language, reword, say, size, words } from "./words.js";

/** The limits until the server has told its own. The page refuses nothing that the server might take. */
const UNKNOWN = { limits: { question: Infinity, files: Infinity, fileBytes: Infinity, bodyBytes: Infinity }, caller: { kind: "anonymous" } };

/**
 * A chat in the markup below `root`, with a `service` and the `memory` of what belongs to it. `wishes` are those of the site around it: `full`, `keys`, `name`,
 * `logo`, `greeting`, `examples` and `collections`. `emit(name, detail)` tells the site what happened.
 */
export class Chat {
  constructor(root, { service, memory, wishes, emit }) {
    Object.assign(this, { root, service, memory, wishes, emit, config: UNKNOWN, limits: { ...UNKNOWN.limits } });
    const announce = (this.announce = announcerIn(this.#at("announcer")));
    this.source = new SourceDialog(this.#at("source"), { service, frame: root.querySelector(".qa") });
    const shared = { service, announce, openSource: (source, findNumber) => this.source.open(source, findNumber), config: () => this.config, collections: wishes.collections ?? "" };
    this.conversation = new Conversation(this.#at("conversation"), { shared, listener: {
      asked: ({ question, files }) => this.emit("asked", { question, files: files.map(({ name }) => name) }),
      began: (sessionId, title, before) => this.#began(sessionId, title, before),
      changed: () => this.#changed(),
      complain: (text) => this.composer.complain(text),
      ended: (turn) => this.#ended(turn),
      locked: (again) => this.#locked(again),
      refused: (asked) => this.composer.giveBack(asked),
    } });
    this.composer = new Composer(this.#at("composer"), { limits: this.limits, memory, announce, zone: this.#at("frame"), veil: this.#at("veil"), listener: {
      ask: (asked) => this.ask(asked),
      stop: () => this.conversation.stop(),
    } });
    this.past = new History(this.#at("history"), { service, memory, announce, listener: {
      complain: (text) => {
        this.shelf.close(); // it would cover the complaint
        this.composer.complain(text);
      },
      gone: (sessionId) => sessionId === this.conversation.sessionId && this.#clear(),
      open: (sessionId) => this.open(sessionId),
      renamed: () => this.#entitle(),
    } });
    this.kept = new KeptFiles(this.#at("kept"), service);
    this.keyDialog = new KeyDialog(this.#at("key"), memory);
    this.brand = new Brand(root, { wishes, write: (text) => this.composer.write(text) });
    this.shelf = new Shelf(this.#at("shelf"), { menu: this.#at("menu"), scrim: this.#at("scrim"), beside: this.#at("column") });
    this.follow = new Follow({ scroller: this.#at("scroller"), content: this.#at("main"), button: this.#at("to-bottom"),
      isEmpty: () => this.conversation.isEmpty });
    if (wishes.full) this.address = new Address((sessionId) => this.#go(sessionId));
    this.#wire();
  }

  /** Ask the server what it takes and who we are, and show the conversation of the address, or the one this tab has left. */
  async begin() {
    this.past.begin();
    const wanted = this.address?.sessionId || currentSession(this.memory);
    if (wanted) this.address?.replace(wanted);
    this.composer.turnTo(wanted);
    if (this.wishes.full && !isWrittenByTouch()) this.composer.field.focus();
    const open = () => wanted && this.open(wanted);
    if (await this.#start(open)) await open();
  }

  ask(asked) {
    this.conversation.ask(asked);
  }

  /**
   * Show a past conversation. Whoever has a visitor's conversation in an address can read along in it, so one that this
   * browser doesn't know is shown only when the person has `agreed`.
   */
  async open(sessionId, { agreed = false } = {}) {
    this.shelf.close();
    this.source.close();
    const isOwn = agreed || sessionId === currentSession(this.memory) || this.past.knows(sessionId);
    if (!isOwn) return this.#refuseAddress("addressOfOther", { key: "addressOpen", act: () => this.open(sessionId, { agreed: true }) });
    try {
      const title = await this.conversation.load(sessionId);
      if (title !== null && !this.past.knows(sessionId)) this.past.touch(sessionId, title);
      this.follow.toEnd();
    } catch (problem) {
      if (problem.code === "unauthenticated") return this.#locked(() => this.open(sessionId));
      if (problem.status !== 404) return this.composer.complain(problem.message);
      this.#refuseAddress(this.past.has(sessionId) ? "sessionGone" : "addressUnknown");
      this.past.forget(sessionId);
    }
  }

  /** Leave the conversation for a new one. */
  leave() {
    this.shelf.close();
    this.#clear();
    this.composer.field.focus();
  }

  /** Stop listening to an answer, because the chat isn't in its site any more. The answer goes on at the server. */
  end() {
    this.past.end();
    this.conversation.clear();
  }

  /** Say everything in the language that is in use by now. */
  reword() {
    reword(this.root);
    this.#at("language").value = language();
    this.root.querySelector(".qa").lang = language();
    if (this.wishes.full) document.documentElement.lang = language();
    this.brand.show(this.config);
    this.past.show(this.conversation.sessionId);
    this.#entitle();
  }

  #clear() {
    this.source.close();
    this.conversation.clear();
    this.#changed();
  }

  /** The person went back or forward, or opened a bookmark. */
  #go(sessionId) {
    if (sessionId === this.conversation.sessionId) return;
    if (sessionId) this.open(sessionId);
    else this.#clear();
  }

  /** The conversation of an address isn't shown. What is written from now on belongs to the one that is. */
  #refuseAddress(key, offer) {
    const { sessionId } = this.conversation;
    setCurrentSession(this.memory, sessionId);
    this.address?.replace(sessionId);
    this.composer.turnTo(sessionId, { keepsText: true });
    this.composer.complain(words(key), offer);
  }

  /** Give a bookmark the name of its conversation. */
  #entitle() {
    if (!this.wishes.full) return;
    const title = this.past.titleOf(this.conversation.sessionId);
    document.title = [title, this.#at("title").textContent].filter(Boolean).join(" · ");
  }

  /** Forget the person, and show the chat to whoever comes now. */
  signOut() {
    this.forget();
    this.#start();
  }

  /**
   * Forget the key, and what was written and shown with it in this tab. Conversations whose deletion could still be undone
   * are deleted first, because that needs the key.
   */
  forget() {
    this.past.deleteAll();
    keepKey(this.memory, "");
    forgetDrafts(this.memory);
    this.shelf.close();
    this.#clear();
    this.composer.empty();
    this.past.empty();
    this.announce("");
  }

  #at(id) {
    return this.root.getElementById(id);
  }

  #began(sessionId, title, before) {
    this.composer.moveTo(sessionId);
    // Whose conversation it is isn't known yet, and only those of visitors are remembered by the browser.
    if (this.config === UNKNOWN) this.#start().then((started) => started && this.past.touch(sessionId, title));
    else this.past.touch(sessionId, title, before);
    this.#changed();
  }

  #changed() {
    const { answering, isEmpty, sessionId, turns } = this.conversation;
    this.#at("frame").classList.toggle("empty", isEmpty);
    this.#at("welcome").hidden = !isEmpty;
    this.composer.show({ answering, canChangeTopic: !isEmpty });
    this.composer.turnTo(sessionId);
    setCurrentSession(this.memory, sessionId);
    this.address?.show(sessionId);
    this.past.show(sessionId);
    this.#entitle();
    if (!answering) this.kept.load(sessionId);
    const asked = turns.at(-1)?.node;
    if (answering && asked !== this.follow.pinned) this.follow.pin(asked);
  }

  #ended({ answerId, status, prose, error }) {
    const { sessionId } = this.conversation;
    if (status === "failed") this.#tell(error ?? {});
    else this.emit("answered", { sessionId, answerId, status, text: prose.text });
  }

  #tell({ code = "internal", userMessage, message }) {
    this.emit("error", { code, message: userMessage || message || words("problem") });
  }

  /** Ask the person for a key, and then do again what the service refused without one. A site with a login has none. */
  #locked(again) {
    if (this.wishes.keys) this.keyDialog.open(() => this.#start(again).then((started) => started && again()));
    else this.composer.complain(words("loginNeeded"));
  }

  /** Ask the server what it takes. Returns whether it has told that. Where it wants a key first, `again()` is done then. */
  async #start(again = () => {}) {
    this.config = await this.service.fetchJson("config").catch((problem) => {
      this.#tell(problem);
      if (problem.code === "unauthenticated") this.#locked(again);
      else this.composer.complain(problem.message);
      return UNKNOWN;
    });
    Object.assign(this.limits, this.config.limits);
    this.composer.offer(this.config);
    this.#describe();
    await this.past.load(this.config.caller);
    this.#entitle();
    return this.config !== UNKNOWN;
  }

  #describe() {
    const { caller, kinds = [], upstream, version = "" } = this.config;
    this.brand.show(this.config);
    this.#at("offline").hidden = upstream !== "offline";
    this.#at("version").textContent = version;
    this.#at("sign-out").hidden = !this.wishes.keys || !currentKey(this.memory);
    this.#at("history-note").hidden = caller.kind !== "anonymous";
    this.#at("kinds").textContent = kinds.join(" · ");
    const { files, fileBytes } = this.limits;
    if (files < Infinity) say(this.#at("drop-limits"), "dropLimits", { files, each: size(fileBytes) });
  }

  #wire() {
    drawIcons(this.root);
    // Nothing can be dragged with a finger.
    if (isWrittenByTouch()) this.#at("drop-title").dataset.word = "chooseTitle";
    this.reword();
    this.#at("language").addEventListener("change", ({ target }) => {
      choose(target.value, { forGood: true });
      this.reword();
    });
    this.#at("sign-out").addEventListener("click", () => this.signOut());
    this.#at("skip").addEventListener("click", () => this.composer.field.focus());
    this.#at("drop-zone").addEventListener("click", () => this.composer.attachments.picker.click());
    for (const button of this.root.querySelectorAll("[data-new]")) button.addEventListener("click", () => this.leave());
  }
}
