/** This module keeps the files that are dropped, pasted or picked. It checks them, and shows them until they are sent. */

import { element, icon } from "./element.js";
import { label, say, size, words } from "./words.js";

/** The files of the next question. `limits` are the server's; `complain(text)` tells what can't be sent; `zone` is where files may be dropped. */
export class Attachments {
  constructor({ list, picker, zone, veil, limits, complain }) {
    Object.assign(this, { list, picker, veil, limits, complain, files: [] });
    picker.addEventListener("change", () => {
      this.add(picker.files);
      picker.value = "";
    });
    this.#listenForDrops(zone);
  }

  add(files) {
    for (const file of files) {
      const trouble = this.#trouble(file);
      if (trouble) this.complain(trouble);
      else this.files.push(file);
    }
    this.#show();
  }

  /** Return the files, and forget them. */
  take() {
    const { files } = this;
    this.files = [];
    this.#show();
    return files;
  }

  #trouble(file) {
    const { files, fileBytes, bodyBytes } = this.limits;
    const total = this.files.reduce((sum, other) => sum + other.size, file.size);
    if (!file.size) return words("emptyFile", { name: file.name });
    if (file.size > fileBytes) return words("fileTooLarge", { name: file.name, limit: size(fileBytes) });
    if (this.files.length >= files) return words("tooManyFiles", { limit: files });
    if (total > bodyBytes) return words("filesTooLarge", { limit: size(bodyBytes) });
    return "";
  }

  #show() {
    this.list.replaceChildren(...this.files.map((file) => this.#chip(file)));
    this.list.hidden = !this.files.length;
  }

  #chip(file) {
    const remove = element("button", { type: "button", class: "quiet icon-only", onclick: () => this.#remove(file) }, icon("close"));
    const name = element("span", { class: "name" }, file.name);
    const note = element("span", { class: "note" }, size(file.size));
    return element("li", { class: "chip" }, icon("file"), name, note, label(remove, "remove", { name: file.name }));
  }

  #remove(file) {
    this.files = this.files.filter((other) => other !== file);
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
