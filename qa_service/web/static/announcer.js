/** This module tells screen readers about changes of state, and never about single words of an answer. */

/** Make a function that says a text once, in a live region. */
export function announcerIn(region) {
  return (text) => {
    if (region.textContent !== text) region.textContent = text;
  };
}
