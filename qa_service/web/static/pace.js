/** This module leaves the browser time to draw, and the person to type, while much is to be done at once. */

const STEP_MS = 8;

/** Does many acts one after another, as many in one task of the browser as take some milliseconds. */
export class Pace {
  spent = 0;

  /** Act, and wait for another task if this one has taken long. A page that isn't seen has nothing to draw. */
  async act(act) {
    const began = performance.now();
    act();
    this.spent += performance.now() - began;
    if (this.spent < STEP_MS || document.hidden) return;
    this.spent = 0;
    await new Promise((resolve) => setTimeout(resolve));
  }
}
