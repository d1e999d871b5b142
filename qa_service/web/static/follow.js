/** This module scrolls along with an answer while its reader is at the end of the page. */

const NEAR = 60;

/**
 * Keeps the end of `content` in sight while it grows inside of `scroller`. `button` brings back a reader who has scrolled
 * up. `isEmpty()` tells whether there is nothing yet whose end could be kept in sight.
 */
export class Follow {
  constructor({ scroller, content, button, isEmpty }) {
    Object.assign(this, { scroller, button, isEmpty });
    this.atEnd = true;
    this.last = 0;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#keep()).observe(content);
    button.addEventListener("click", () => this.toEnd());
  }

  toEnd() {
    this.atEnd = true;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: "instant" });
    this.button.hidden = true;
  }

  /** Only scrolling up counts as leaving the end, because the page may have grown since the scroll event. */
  #look() {
    const { scrollHeight, clientHeight, scrollTop } = this.scroller;
    const near = scrollHeight - clientHeight - scrollTop < NEAR;
    if (near) this.atEnd = true;
    else if (scrollTop < this.last) this.atEnd = false;
    this.last = scrollTop;
    this.button.hidden = near || this.atEnd;
  }

  #keep() {
    if (this.isEmpty()) return;
    if (this.atEnd) this.toEnd();
    else this.#look();
  }
}
