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
