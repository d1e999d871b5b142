/** This module shows a chat as a bubble in a corner of a site, which a press opens. */

import { icon } from "./element.js";
import { label } from "./words.js";

/** The bubble. `turned(isOpen)` is called each time it opens or closes. Escape closes it, unless it `isBusy()`. */
export class Bubble {
  constructor(root, { turned, isBusy }) {
    const at = (id) => root.getElementById(id);
    Object.assign(this, { launcher: at("launcher"), chat: at("chat"), turned });
    this.launcher.hidden = false;
    at("close").hidden = false;
    this.launcher.addEventListener("click", () => this.show(this.chat.hidden));
    at("close").addEventListener("click", () => this.show(false));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && !root.querySelector("dialog:modal") && !isBusy()) this.show(false);
    });
    this.chat.hidden = true;
  }

  show(open) {
    if (open === !this.chat.hidden) return;
    this.chat.hidden = !open;
    this.launcher.setAttribute("aria-expanded", String(open));
    label(this.launcher, open ? "closeChat" : "openChat").replaceChildren(icon(open ? "close" : "chat"));
    this.turned(open);
    if (!open) this.launcher.focus();
  }
}
