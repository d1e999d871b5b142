/**
 * This module remembers a visitor's conversations in this browser, because the server lists none for visitors. All tabs
 * share one list. So each change reads the list that is there now, and none writes back what another tab has changed.
 * `memory` is that of the service.
 */

const STORED_HISTORY = "qa.history";
const MOST_REMEMBERED = 100;

/** The list, newest first. Each item is `{sessionId, title, updatedAt}`. */
export function readRemembered(memory) {
  try {
    // It may come from another version of this page, or be damaged.
    const items = JSON.parse(memory.browser.getItem(STORED_HISTORY));
    return items.filter(isItem);
  } catch {
    return [];
  }
}

function isItem(item) {
  const { sessionId, title, updatedAt } = item ?? {};
  return [sessionId, title, updatedAt].every((each) => typeof each === "string") && !Number.isNaN(Date.parse(updatedAt));
}

/** Change the list by a function of the list that is there now. Returns the new one. */
export function changeRemembered(memory, change) {
  const items = change(readRemembered(memory)).slice(0, MOST_REMEMBERED);
  memory.browser.setItem(STORED_HISTORY, JSON.stringify(items));
  return items;
}

/** Call `changed()` whenever another tab has changed the list, until the signal ends that. */
export function watchRemembered(memory, changed, signal) {
  const name = memory.browser.fullName(STORED_HISTORY);
  addEventListener("storage", ({ key }) => [name, null].includes(key) && changed(), { signal });
}
