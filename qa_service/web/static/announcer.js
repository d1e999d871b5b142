/** This module tells screen readers about changes of state, and never about single words of an answer. */

const region = document.getElementById("announcer");

/** Say this text once. */
export function announce(text) {
  if (region.textContent !== text) region.textContent = text;
}
