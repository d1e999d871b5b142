/**
 * This module gives each conversation an address, so that it can be gone back to, and be kept as a bookmark. The address
 * is the page's own with the fragment `#/c/` and the conversation's id. Browsers send fragments to no server.
 */

const CONVERSATION_FRAGMENT = /^#\/c\/(?!\.{1,2}$)([A-Za-z0-9._-]{1,128})$/;

/** The id of the conversation that a fragment names, or an empty string. */
export function sessionOf(fragment) {
  return CONVERSATION_FRAGMENT.exec(fragment)?.[1] ?? "";
}

/** The fragment that names a conversation. */
export function fragmentOf(sessionId) {
  return `#/c/${sessionId}`;
}

/** The address of the window. It calls `went(sessionId)` when the person goes back or forward, or opens a bookmark. */
export class Address {
  constructor(went) {
    addEventListener("popstate", () => went(this.sessionId));
  }

  get sessionId() {
    return sessionOf(location.hash);
  }

  /** Show the address of this conversation. An empty id stands for one that hasn't begun. */
  show(sessionId) {
    if (sessionId === this.sessionId) return;
    // In a frame, the way back would lead through the conversations before it leads to the last page of the site.
    if (parent !== window) this.replace(sessionId);
    else history.pushState(null, "", placeOfConversation(sessionId));
  }

  /** Show it in the place of the address that is shown now, to which nobody needs to go back. */
  replace(sessionId) {
    history.replaceState(null, "", placeOfConversation(sessionId));
  }
}

/** The address of a conversation, relative to the page's own. An empty id stands for one that hasn't begun. */
export function placeOfConversation(sessionId) {
  return sessionId ? fragmentOf(sessionId) : location.pathname + location.search;
}
