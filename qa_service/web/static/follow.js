/** This module scrolls along with an answer while its reader is at the end of the page. */

const NEAR = 60;

/** Keeps the end in sight while the page grows. `button` brings back a reader who has scrolled up. */
export class Follow {
  constructor(button) {
    this.atEnd = true;
    this.last = 0;
    this.button = button;
    addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#keep()).observe(document.body);
    button.addEventListener("click", () => this.toEnd());
  }

  toEnd() {
    this.atEnd = true;
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    this.button.hidden = true;
  }

  /** Only scrolling up counts as leaving the end, because the page may have grown since the scroll event. */
  #look() {
    const root = document.documentElement;
    const near = root.scrollHeight - innerHeight - scrollY < NEAR;
    if (near) this.atEnd = true;
    else if (scrollY < this.last) this.atEnd = false;
    this.last = scrollY;
    this.button.hidden = near || this.atEnd;
  }

  #keep() {
    if (document.body.classList.contains("empty")) return;
    if (this.atEnd) this.toEnd();
    else this.#look();
  }
}
