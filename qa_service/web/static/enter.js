/**
 * This module tells what a press of Enter means.
 *
 * While a syllable of Hangul is composed, Enter ends the syllable and must not send it. Browsers tell that in two ways:
 * Chromium and Firefox send `keydown` with `isComposing` first and `compositionend` after it. Safari sends
 * `compositionend` first, so that `isComposing` is false by then, and tells it by the key code 229 alone.
 */

const PROCESSED_BY_INPUT_METHOD = 229;

/** Whether a key belongs to the input method. */
export function isComposing({ isComposing: composes, keyCode }) {
  return composes || keyCode === PROCESSED_BY_INPUT_METHOD;
}

/**
 * Whether Enter is meant to send, and not to begin a new line. `byTouch` says that the question is written on glass,
 * where no key for a new line is beside Enter. A key that is held down repeats itself, which the caller has to ignore.
 */
export function isSending(event, { byTouch = false } = {}) {
  if (event.key !== "Enter" || event.shiftKey || event.altKey || isComposing(event)) return false;
  return !byTouch || Boolean(event.ctrlKey || event.metaKey);
}

/** Whether this device is written on by touch alone. One that also has a mouse has keys, too. */
export function isWrittenByTouch() {
  return matchMedia("(pointer: coarse)").matches && !matchMedia("(any-pointer: fine)").matches;
}
