/**
 * This module has the storages of this tab and of this browser. In a frame that may store nothing, a browser throws
 * already when its storage is named, so there the values last as long as the page.
 */

/** A storage of the browser. What it refuses, because it is full or forbidden, is kept as long as the page lasts. */
class SafeStorage {
  #kept;
  #refused = new Map();

  constructor(open) {
    try {
      this.#kept = open();
    } catch {
      // Then it takes nothing.
    }
  }

  get length() {
    return (this.#kept?.length ?? 0) + this.#refused.size;
  }

  getItem(name) {
    return this.#refused.get(name) ?? this.#kept?.getItem(name) ?? null;
  }

  setItem(name, value) {
    this.#refused.delete(name);
    try {
      this.#kept.setItem(name, value);
    } catch {
      this.#refused.set(name, value);
    }
  }

  removeItem(name) {
    this.#refused.delete(name);
    this.#kept?.removeItem(name);
  }
}

/** What this tab remembers until it is closed. */
export const tabStorage = new SafeStorage(() => sessionStorage);

/** What this browser remembers. */
export const browserStorage = new SafeStorage(() => localStorage);

const CURRENT = "qa.session";
/** The service at this path of the page's own origin has names without an address. */
const USUAL_PATH = "/api/";

/**
 * What is remembered for the service at `base`: in `tab` until the tab is closed, and in `browser` for longer. Another
 * service has values of its own, because it knows other conversations and other keys. An element with an `id` has values
 * of its own in `tab`, too, because its page may have more elements, some of them for other people.
 */
export class Memory {
  constructor({ origin, pathname, href }, id = "") {
    const owner = origin === location.origin && pathname === USUAL_PATH ? "" : ` ${href}`;
    this.tab = new OwnedStorage(tabStorage, id ? `${owner} #${id}` : owner);
    this.browser = new OwnedStorage(browserStorage, owner);
  }
}

/** The values of a storage that belong to one owner. */
class OwnedStorage {
  constructor(storage, owner) {
    Object.assign(this, { storage, owner });
  }

  /** The name under which the storage itself keeps a value. */
  fullName(name) {
    return name + this.owner;
  }

  getItem(name) {
    return this.storage.getItem(this.fullName(name));
  }

  setItem(name, value) {
    this.storage.setItem(this.fullName(name), value);
  }

  removeItem(name) {
    this.storage.removeItem(this.fullName(name));
  }
}

/** The id of this tab's conversation, which is shown again after a reload. */
export function currentSession(memory) {
  return memory.tab.getItem(CURRENT) ?? "";
}

export function setCurrentSession(memory, sessionId) {
  memory.tab.setItem(CURRENT, sessionId);
}
