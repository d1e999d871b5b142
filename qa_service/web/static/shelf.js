/** This module opens and closes the side bar where there is no room to show it always. */

/** The side bar. `menu` opens it, `scrim` lies over what is beside it, and a press on it closes the side bar. */
export class Shelf {
  constructor(shelf, { menu, scrim, beside }) {
    Object.assign(this, { shelf, menu, beside });
    menu.addEventListener("click", () => this.#show(true));
    scrim.addEventListener("click", () => this.close());
    shelf.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.isOpen) return;
      event.stopPropagation();
      this.close();
    });
  }

  get isOpen() {
    return this.shelf.hasAttribute("data-open");
  }

  /** Close it, and give the focus back to the button that opened it. */
  close() {
    if (!this.isOpen) return;
    this.#show(false);
    this.menu.focus();
  }

  #show(open) {
    this.shelf.toggleAttribute("data-open", open);
    this.menu.setAttribute("aria-expanded", String(open));
    this.beside.inert = open;
    if (open) this.shelf.querySelector("button").focus();
  }
}
