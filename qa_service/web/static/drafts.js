/**
 * This module keeps what is being written, for each conversation, in this tab's storage. So it is there again after a
 * reload, and after another conversation was looked at. It is gone with the tab.
 * `memory` is that of the service.
 */

const STORED_DRAFTS = "qa.drafts";

/** Keep the text that is being written in a conversation. The id is empty for one that hasn't begun. */
export function keepDraft(memory, sessionId, text) {
  const { [sessionId]: _, ...others } = readDrafts(memory);
  memory.tab.setItem(STORED_DRAFTS, JSON.stringify(text ? { ...others, [sessionId]: text } : others));
}

/** The text that was being written in a conversation, or an empty string. */
export function readDraft(memory, sessionId) {
  const drafts = readDrafts(memory);
  return Object.hasOwn(drafts, sessionId) ? String(drafts[sessionId]) : "";
}

/** Forget all drafts of this tab. */
export function forgetDrafts(memory) {
  memory.tab.removeItem(STORED_DRAFTS);
}

function readDrafts(memory) {
  try {
    return JSON.parse(memory.tab.getItem(STORED_DRAFTS)) ?? {};
  } catch {
    return {};
  }
}
