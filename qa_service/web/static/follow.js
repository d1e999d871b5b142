/** Scrolling along with an answer, only while its reader is at the end. */

const NEAR = 60;

/** Keep the end in sight while the page grows; `button` brings a reader back who has left it. */
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

  /** Only going up is leaving: the page may have grown since the scroll that is told here. */
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
