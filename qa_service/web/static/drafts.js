/**
 * This module keeps what is being written, for each conversation, in this tab's storage. So it is there again after a
 * reload, and after another conversation was looked at. It is gone with the tab. Of files that are attached, the names
 * are kept, because the storage has no room for files.
 * `memory` is that of the service.
 */

const STORED_DRAFTS = "qa.drafts";

/**
 * Keep the text that is being written in a conversation, and the names of its files. The id is empty for a conversation
 * that hasn't begun.
 */
export function keepDraft(memory, sessionId, { text = "", files = [] } = {}) {
  const { [sessionId]: _, ...others } = readDrafts(memory);
  const drafts = text || files.length ? { ...others, [sessionId]: { text, files } } : others;
  memory.tab.setItem(STORED_DRAFTS, JSON.stringify(drafts));
}

/** What was being written in a conversation: the text, or an empty string, and the names of the files. */
export function readDraft(memory, sessionId) {
  const drafts = readDrafts(memory);
  const { text = "", files = [] } = Object.hasOwn(drafts, sessionId) ? Object(drafts[sessionId]) : {};
  return { text: String(text), files: [files].flat().map(String) };
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
