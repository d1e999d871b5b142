/** This module shows what a number in an answer stands for, beside it, while the pointer or the focus is on it. */

import { element } from "./element.js";

/** A pointer that only crosses a number opens nothing. One that has left has time to come back, or to reach what is shown. */
const LINGER_MS = 150;
const GAP = 6;

/** The preview for the live numbers in `text`. `describe(button)` gives the nodes that are shown for one. */
export class Preview {
  constructor(text, describe) {
    Object.assign(this, { text, describe, button: null, timer: 0 });
    this.node = element("div", { class: "preview", popover: "manual", "aria-hidden": "true" });
    for (const type of ["pointerover", "focusin"]) text.addEventListener(type, (event) => this.#enter(event));
    for (const type of ["pointerout", "focusout"]) text.addEventListener(type, (event) => this.#leave(event));
    this.node.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.node.addEventListener("pointerleave", () => this.#later(() => this.hide()));
  }

  hide() {
    clearTimeout(this.timer);
    this.shown?.abort();
    this.button = null;
    this.node.remove();
  }

  #later(act) {
    clearTimeout(this.timer);
    this.timer = setTimeout(act, LINGER_MS);
  }

  /** A finger presses at once, so a preview for it would only flash. */
  #enter({ target, pointerType, type }) {
    const button = target.closest(".cite:enabled");
    // A number that was rendered anew has left without an event.
    if (!button && this.button?.isConnected === false) this.#later(() => this.hide());
    if (!button || pointerType === "touch" || (type === "focusin" && !button.matches(":focus-visible"))) return;
    this.#later(() => this.#show(button));
  }

  #leave({ target }) {
    if (target.closest(".cite")) this.#later(() => this.hide());
  }

  /** It lies above everything, wherever the chat stands, and so it goes when the number moves away below it. */
  #show(button) {
    if (!button.isConnected || button === this.button) return;
    this.hide();
    this.button = button;
    this.shown = new AbortController();
    this.node.replaceChildren(...this.describe(button).filter(Boolean));
    this.text.after(this.node);
    this.node.showPopover();
    this.#place(button.getBoundingClientRect());
    const { signal } = this.shown;
    this.text.getRootNode().addEventListener("scroll", () => this.hide(), { capture: true, passive: true, signal });
    this.text.ownerDocument.addEventListener("keydown", (event) => this.#pressed(event), { capture: true, signal });
  }

  /** Escape closes what is shown, wherever the focus is, and nothing else. */
  #pressed(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.hide();
  }

  /** Above the number if there is room, else below it, and never beyond the sides of the window. */
  #place({ left, top, bottom }) {
    const { offsetWidth: width, offsetHeight: height } = this.node;
    const above = top - height - GAP;
    this.node.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
    this.node.style.top = `${above > GAP ? above : bottom + GAP}px`;
  }
}
