/** What a screen reader is told: changes of state, never single words of an answer. */

const region = document.getElementById("announcer");

/** Say this, once. */
export function announce(text) {
  if (region.textContent !== text) region.textContent = text;
}
