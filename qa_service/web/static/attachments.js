/**
 * This module keeps the files that are dropped, pasted or picked. It checks them, and shows them until they are sent. A
 * page that is loaded anew has no files any more, so it shows the names of those that it had, to be attached again.
 */

import { element, icon } from "./element.js";
import { HEAD_BYTES, isUnreadable } from "./kinds.js";
import { label, say, size, words } from "./words.js";

/** What the service calls a file: without a path and without what nobody sees, which could make `exe.pdf` of `fdp.exe`. */
export function shownName({ name }) {
  const last = name.split(/[/\\]/).at(-1).normalize("NFC");
  return last.replace(/(?! )[\p{C}\p{Z}]/gu, "").replace(/^[. ]+|[. ]+$/g, "") || "file";
}

/**
 * The files of the next question. `limits` and `kinds` are the server's; `complain(text)` tells what can't be sent, and
 * `changed()` that the files are others now; `zone` is where files may be dropped. Files are looked into while the person
 * goes on writing; `settle()` waits for that.
 */
export class Attachments {
  constructor({ list, picker, zone, veil, limits, complain, changed }) {
    Object.assign(this, { list, picker, veil, limits, complain, changed, kinds: [], files: [], missing: [], checked: Promise.resolve() });
    picker.addEventListener("change", () => {
      this.add(picker.files);
      picker.value = "";
    });
    this.#listenForDrops(zone);
  }

  /** Take files. Those that are surely of a kind which the server can't read are put aside as soon as that is seen. */
  add(files) {
    const troubles = [];
    for (const file of files) {
      const trouble = this.#trouble(file);
      if (trouble) troubles.push(trouble);
      else this.files.push(file);
    }
    const told = [...new Set(troubles)].join(" ");
    if (told) this.complain(told);
    this.#forgetMissing(this.files);
    this.#show();
    this.checked = this.#check(this.checked, [...this.files], told);
  }

  /** The names of the files, and of those that have to be attached again. */
  get names() {
    return [...this.files.map(({ name }) => name), ...this.missing];
  }

  /** Show those of these names whose files aren't attached any more, to be attached again. */
  showMissing(names) {
    this.missing = names;
    this.#forgetMissing(this.files);
    this.#draw();
  }

  #forgetMissing(files) {
    this.missing = this.missing.filter((name) => !files.some((file) => file.name === name));
  }

  /** Put aside what can't be read, and say so behind what was `told` of the files that came with it. */
  async #check(before, files, told) {
    await before;
    const unreadable = [];
    for (const file of files) if (await this.#isUnreadable(file)) unreadable.push(file);
    if (!unreadable.length) return;
    this.files = this.files.filter((file) => !unreadable.includes(file));
    this.#show();
    this.complain([told, words("kindUnreadable", { names: unreadable.map(shownName) })].filter(Boolean).join(" "));
  }

  /** Wait until all files are looked into. Tells whether all of them could be kept. */
  async settle() {
    const { length } = this.files;
    await this.checked;
    return this.files.length === length;
  }

  async #isUnreadable(file) {
    // A folder that was dropped looks like a file, and can't be read by the browser itself.
    const head = await file.slice(0, HEAD_BYTES).arrayBuffer().catch(() => null);
    return head === null || isUnreadable(file.name, new Uint8Array(head), this.kinds);
  }

  /** Return the files, and forget them. */
  take() {
    const { files } = this;
    Object.assign(this, { files: [], missing: [] });
    this.#show();
    return files;
  }

  #trouble(file) {
    const { files, fileBytes, bodyBytes } = this.limits;
    const total = this.files.reduce((sum, other) => sum + other.size, file.size);
    if (!file.size) return words("emptyFile", { name: shownName(file) });
    if (file.size > fileBytes) return words("fileTooLarge", { name: shownName(file), limit: size(fileBytes) });
    if (this.files.length >= files) return words("tooManyFiles", { limit: files });
    if (total > bodyBytes) return words("filesTooLarge", { limit: size(bodyBytes) });
    return "";
  }

  #show() {
    this.#draw();
    this.changed();
  }

  #draw() {
    const chips = this.files.map((file) => this.#chip(file, element("span", { class: "note" }, size(file.size))));
    const missing = this.missing.map((name) => this.#chip({ name }, say(element("span", { class: "note" }), "attachAgain")));
    for (const chip of missing) chip.dataset.status = "failed";
    this.list.replaceChildren(...chips, ...missing);
    this.list.hidden = !this.names.length;
  }

  #chip(file, note) {
    const name = shownName(file);
    const remove = element("button", { type: "button", class: "quiet icon-only", onclick: () => this.#remove(file) }, icon("close"));
    return element("li", { class: "chip" }, icon("file"), element("span", { class: "name" }, name), note, label(remove, "remove", { name }));
  }

  #remove(file) {
    if (this.files.includes(file)) this.files = this.files.filter((other) => other !== file);
    else this.#forgetMissing([file]);
    this.#show();
    (this.list.querySelector("button") ?? this.picker).focus();
  }

  /** Files can be dropped anywhere on the element. Browsers also send `dragleave` when a child element is entered. */
  #listenForDrops(zone) {
    let depth = 0;
    const show = (by) => {
      depth = by ? depth + by : 0;
      this.veil.hidden = depth <= 0;
    };
    const withFiles = (act) => (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      act(event);
    };
    zone.addEventListener("dragenter", withFiles(() => show(1)));
    zone.addEventListener("dragleave", withFiles(() => show(-1)));
    zone.addEventListener("dragover", withFiles(() => {}));
    zone.addEventListener("drop", withFiles((event) => {
      show(0);
      this.add(event.dataTransfer.files);
    }));
    say(this.veil.querySelector("p"), "dropHere");
  }
}
