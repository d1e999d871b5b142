/**
 * This module keeps the caller's key in this tab's session storage, because it must not outlive its tab on a shared
 * computer. The browser remembers for longer that a key was used, and nothing of the key itself. Each service has a `memory`,
 * and so a key, of its own.
 */

import { browserStorage } from "./storage.js";

const STORED_KEY = "qa.key";
const USED_BEFORE = "qa.key-used";

/**
 * Take a key out of `/#key=…`. The fragment is removed before anything else sees the address.
 *
 * Whoever sends such a link owns its key, and reads what is asked with it. So where a key is in use, or this page was used
 * in this browser before, with a key or without one, `agree()` is asked whether the person wants the key of the link. Returns
 * whether there is another key now.
 */
export function takeKeyFromAddress(memory, agree) {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  const before = currentKey(memory);
  const isFirst = !before && !browserStorage.length;
  if (given.trim() === before || isFirst || agree()) keepKey(memory, given);
  return currentKey(memory) !== before;
}

/** Keep this key. An empty one makes the page forget the key that it has. */
export function keepKey(memory, key) {
  if (key.trim()) {
    memory.tab.setItem(STORED_KEY, key.trim());
    memory.browser.setItem(USED_BEFORE, "yes");
  } else {
    memory.tab.removeItem(STORED_KEY);
  }
}

/** The key in use, or an empty string. */
export function currentKey(memory) {
  return memory.tab.getItem(STORED_KEY) ?? "";
}
