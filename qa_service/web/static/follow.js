/** This module decides what of a conversation is in sight while an answer comes. */

const NEAR = 60;
/** The pixels above a pinned question, and below its answer. */
const SPACE = 16;

/**
 * A question that was just asked is pinned to the top of `scroller`, and the answer appears below it. From then on the
 * reader alone scrolls. `button` leads to the end of `content`, which is kept in sight then until the reader scrolls up.
 * `isEmpty()` tells whether there is nothing yet that could be kept in sight.
 */
export class Follow {
  constructor({ scroller, content, button, isEmpty }) {
    Object.assign(this, { scroller, button, isEmpty, keepsEnd: false, pinned: null, last: 0 });
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    const growing = new ResizeObserver(() => this.#keep());
    for (const node of [content, scroller]) growing.observe(node);
    button.addEventListener("click", () => this.toEnd());
  }

  /** Bring a turn to the top, and make room below it until its answer needs that room. */
  pin(turn) {
    this.pinned?.style.removeProperty("min-height");
    this.pinned = turn;
    this.keepsEnd = false;
    this.#makeRoom();
    const below = turn.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    this.#scrollTo(this.scroller.scrollTop + below - SPACE);
    this.#look();
  }

  /** Show the end, and keep it in sight. */
  toEnd() {
    this.keepsEnd = true;
    this.#scrollTo(this.scroller.scrollHeight);
    this.button.hidden = true;
  }

  #scrollTo(top) {
    this.scroller.scrollTo({ top, behavior: "instant" });
    this.last = this.scroller.scrollTop;
  }

  #makeRoom() {
    if (this.pinned) this.pinned.style.minHeight = `${Math.max(this.scroller.clientHeight - 2 * SPACE, 0)}px`;
  }

  /** Only scrolling up counts as leaving the end, because the page may have grown since the scroll event. */
  #look() {
    const { scrollHeight, clientHeight, scrollTop } = this.scroller;
    if (scrollTop < this.last) this.keepsEnd = false;
    this.last = scrollTop;
    this.button.hidden = this.keepsEnd || scrollHeight - clientHeight - scrollTop < NEAR;
  }

  #keep() {
    if (this.isEmpty()) return;
    this.#makeRoom();
    if (this.keepsEnd) this.toEnd();
    else this.#look();
  }
}
