/** This module defines the element `<qa-chat>`, which has all its parts in a shadow root of its own. */

import { Bubble } from "./bubble.js";
import { Chat } from "./chat.js";
import { currentKey, takeKeyFromAddress } from "./key.js";
import { MARKUP, MARKUP_VERSION, STYLE } from "./looks.js";
import { Service } from "./api.js";
import { Memory } from "./storage.js";
import { choose, words } from "./words.js";

/** The service lies where this script comes from, or, where a site has put it into a script of its own, at this path. */
const HOME = new URL(import.meta.url).pathname.endsWith("/chat.js") ? new URL(".", import.meta.url).href : "/api";

// Servers that render a site's pages may load this module too, where there is no document.
const Base = globalThis.HTMLElement ?? Object;
let sheet;

/** The style, as a sheet that all elements share. It is no inline style, so that the strictest policy of a site lets it be. */
function sharedSheet() {
  sheet ??= new CSSStyleSheet();
  if (!sheet.cssRules.length) sheet.replaceSync(STYLE);
  return sheet;
}

let policy;

/** Make markup a trusted type, where there are any. A site that demands them allows the policy `qa-chat` in its own. */
function trusted(markup) {
  try {
    policy ??= globalThis.trustedTypes?.createPolicy("qa-chat", { createHTML: (each) => each });
  } catch {
    // A site may forbid policies without demanding trusted types. Then the text itself is taken.
  }
  return policy?.createHTML(markup) ?? markup;
}

/**
 * The element. Its attributes are read when it is put into a document. `token`, a property, may be a function that gives
 * the token which requests carry; it is called with `{ fresh: true }` when the service has refused the last one. The
 * element's events are `asked`, `answered` and `error`, each with what happened in its `detail`.
 */
export class QaChat extends Base {
  static observedAttributes = ["lang", "open"];

  #hasBegun = false;
  #hasEnded = false;

  connectedCallback() {
    if (!this.chat) this.#build();
    else if (this.#hasEnded) this.#begin();
  }

  /** An element that a site moves is taken out and put in again at once. One that stays away listens no longer. */
  async disconnectedCallback() {
    await Promise.resolve();
    if (this.isConnected || !this.#hasBegun) return;
    this.#hasEnded = true;
    this.chat.end();
  }

  attributeChangedCallback(name) {
    if (!this.chat) return;
    if (name === "open") this.bubble?.show(this.hasAttribute("open"));
    else this.#speak();
  }

  /** Ask a question for the site, as if the person had written it. */
  ask(question) {
    this.bubble?.show(true);
    this.chat.composer.write(question);
    this.chat.composer.form.requestSubmit();
  }

  /** Show nothing any more of the person who has just left the site. A chat that isn't shown asks the service for nothing. */
  signOut() {
    if (this.#hasBegun && !this.#hasEnded) this.chat.signOut();
    else this.chat.forget();
  }

  #build() {
    const root = this.#openRoot();
    const address = this.getAttribute("address") ?? HOME;
    const service = new Service({ address, credential: (wish) => (this.token ? this.token(wish) : wishes.keys ? currentKey(memory) : "") });
    const memory = new Memory(service.base, this.id);
    const wishes = this.#wishes(service);
    if (wishes.full && wishes.keys) this.#takeKeys(memory);
    this.chat = new Chat(root, { service, memory, wishes, emit: (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail })) });
    this.#placeLandmarks(wishes.full);
    this.#keepKeys(root);
    this.#speak();
    if (this.hasAttribute("bubble")) this.#float();
    else this.#begin();
  }

  /**
   * The service's own page brings the markup, so that people can write before this script is there. Then they go on in the
   * same field. Markup of another release is replaced, and what is written in it is kept.
   */
  #openRoot() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const early = root.getElementById("early");
    const written = root.getElementById("question")?.value ?? "";
    root.adoptedStyleSheets = [sharedSheet()];
    if (early?.dataset.markup === MARKUP_VERSION) {
      early.remove();
    } else {
      root.innerHTML = trusted(MARKUP);
      root.getElementById("question").value = written;
    }
    return root;
  }

  /**
   * A link with a key may also be opened in a tab that shows this page already, which then begins anew. This listens before
   * the chat does, which would take the address for that of no conversation.
   */
  #takeKeys(memory) {
    const take = (isOpen) => takeKeyFromAddress(memory, { isOpen, agree: () => confirm(words("keyOfLink")) });
    take(false);
    addEventListener("popstate", () => take(true) && location.reload());
  }

  #begin() {
    this.#hasBegun = true;
    this.#hasEnded = false;
    this.chat.begin();
  }

  /** A service of another origin never gets a key. */
  #wishes({ base }) {
    const list = (name) => this.getAttribute(name)?.split("|").map((each) => each.trim()).filter(Boolean);
    const text = (name) => this.getAttribute(name) || undefined;
    return {
      full: this.hasAttribute("full"),
      keys: this.hasAttribute("keys") && base.origin === location.origin,
      name: text("name"),
      logo: text("logo"),
      greeting: text("greeting"),
      examples: list("examples"),
      collections: text("collections"),
    };
  }

  /** The language is that of the element, or of what is around it. A page that is nothing but this lets people choose. */
  #speak() {
    const full = this.hasAttribute("full");
    const given = full ? this.getAttribute("lang") : this.closest("[lang]")?.lang;
    this.shadowRoot.getElementById("language").hidden = Boolean(given);
    if (given) choose(given);
    this.chat.reword();
  }

  /** A page that is nothing but this has the landmarks of a page. In another page it is one region of that page's. */
  #placeLandmarks(full) {
    const at = (id) => this.shadowRoot.getElementById(id);
    if (full) {
      at("main").setAttribute("role", "main");
      at("bar").setAttribute("role", "banner");
    } else {
      at("chat").setAttribute("role", "region");
      at("title").setAttribute("aria-level", "2");
    }
  }

  /** What is typed in a field here is no shortcut of the site, which can't see that the key was meant for a field. */
  #keepKeys(root) {
    for (const name of ["keydown", "keypress", "keyup"]) {
      root.addEventListener(name, (event) => event.target.matches("input, textarea") && event.stopPropagation());
    }
  }

  /** A bubble asks the service for nothing before it is opened. */
  #float() {
    this.bubble = new Bubble(this.shadowRoot, {
      isBusy: () => this.chat.conversation.answering,
      turned: (isOpen) => {
        this.toggleAttribute("open", isOpen);
        if (!isOpen) return;
        if (!this.#hasBegun) this.#begin();
        this.chat.composer.field.focus();
      },
    });
    this.bubble.show(this.hasAttribute("open"));
  }
}

if (globalThis.customElements && !customElements.get("qa-chat")) customElements.define("qa-chat", QaChat);
