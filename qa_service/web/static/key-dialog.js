/** This module asks the person for a key. */

import { currentKey, keepKey } from "./key.js";

export class KeyDialog {
  constructor(dialog, memory) {
    Object.assign(this, { dialog, memory });
    this.field = dialog.querySelector("input");
    dialog.querySelector("form").addEventListener("submit", (event) => this.#take(event));
    dialog.querySelector('[data-part="close"]').addEventListener("click", () => dialog.close());
  }

  /** Ask for a key, keep it, and then call `then()`. A key that is in use by now is a wrong one, and is forgotten. */
  open(then) {
    this.then = then;
    this.dialog.querySelector('[data-part="wrong"]').hidden = !currentKey(this.memory);
    keepKey(this.memory, "");
    if (!this.dialog.open) this.dialog.showModal();
  }

  #take(event) {
    event.preventDefault();
    if (!this.field.value.trim()) return;
    keepKey(this.memory, this.field.value);
    this.field.value = "";
    this.dialog.close();
    this.then();
  }
}
