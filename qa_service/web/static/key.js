/**
 * This module keeps the caller's key in this tab's session storage, because it must not outlive its tab on a shared
 * computer. The browser remembers for longer that a key was used, and nothing of the key itself. Each service has a `memory`,
 * and so a key, of its own.
 */

import { placeOfConversation } from "./address.js";
import { forgetDrafts } from "./drafts.js";
import { browserStorage, currentSession, setCurrentSession } from "./storage.js";

const STORED_KEY = "qa.key";
const USED_BEFORE = "qa.key-used";

/**
 * Take a key out of `/#key=…`. The fragment is removed before anything else sees the address, which is that of the tab's
 * conversation then.
 *
 * Whoever sends such a link owns its key, and reads what is asked with it. So where a key is in use, this page `isOpen`
 * already, or was used in this browser before, with a key or without one, `agree()` is asked whether the person wants the
 * key of the link. What was written and shown with the key before is forgotten with it. Returns whether there is another
 * key now.
 */
export function takeKeyFromAddress(memory, { isOpen, agree }) {
  const given = new URLSearchParams(location.hash.slice(1)).get("key")?.trim();
  if (given === undefined) return false;
  history.replaceState(null, "", placeOfConversation(currentSession(memory)));
  const before = currentKey(memory);
  if (given === before || ((isOpen || before || browserStorage.length) && !agree())) return false;
  forgetDrafts(memory);
  setCurrentSession(memory, "");
  history.replaceState(null, "", placeOfConversation(""));
  keepKey(memory, given);
  return true;
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
