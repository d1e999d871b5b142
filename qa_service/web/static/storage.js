/**
 * This module has the storages of this tab and of this browser. In a frame that may store nothing, a browser throws
 * already when its storage is named, so there the values last as long as the page.
 */

class ShortMemory {
  #values = new Map();

  get length() {
    return this.#values.size;
  }

  getItem(name) {
    return this.#values.get(name) ?? null;
  }

  setItem(name, value) {
    this.#values.set(name, value);
  }

  removeItem(name) {
    this.#values.delete(name);
  }
}

function storageOr(open) {
  try {
    return open() ?? new ShortMemory();
  } catch {
    return new ShortMemory();
  }
}

/** What this tab remembers until it is closed. */
export const tabStorage = storageOr(() => sessionStorage);

/** What this browser remembers. */
export const browserStorage = storageOr(() => localStorage);

/** The service at this path of the page's own origin has names without an address. */
const USUAL_PATH = "/api/";

/**
 * What is remembered for the service at `base`: in `tab` until the tab is closed, and in `browser` for longer. Another
 * service has values of its own, because it knows other conversations and other keys.
 */
export class Memory {
  constructor({ origin, pathname, href }) {
    const owner = origin === location.origin && pathname === USUAL_PATH ? "" : ` ${href}`;
    this.tab = new OwnedStorage(tabStorage, owner);
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
