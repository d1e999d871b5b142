/** This module shows how the site introduces itself: its name, its logo, its accent, its greeting and its examples. */

import { element } from "./element.js";
import { inLanguage, words } from "./words.js";

/** What the element's own attributes wish goes before what the service says of its site. */
export class Brand {
  constructor(root, { wishes, write }) {
    Object.assign(this, { root, wishes, write });
  }

  /** Show what the service's `config` says, in the language that is in use. */
  show({ introduction: site = {} }) {
    const { name, greeting, examples, logo } = this.wishes;
    this.#name(name ?? inLanguage(site.name) ?? "qa-service");
    this.#logo(logo ?? site.logo);
    if (site.accent) this.root.querySelector(".qa").style.setProperty("--site-accent", site.accent);
    this.root.getElementById("greeting").textContent = greeting ?? inLanguage(site.greeting) ?? words("greeting");
    this.#examples(examples ?? inLanguage(site.examples) ?? [words("exampleOne"), words("exampleTwo")]);
  }

  #name(name) {
    for (const place of this.root.querySelectorAll('[data-brand="name"]')) place.textContent = name;
    if (this.wishes.full) document.title = name;
    else this.root.getElementById("chat").setAttribute("aria-label", name);
  }

  #logo(address) {
    if (!address) return;
    for (const place of this.root.querySelectorAll('[data-brand="logo"]')) {
      place.replaceChildren(element("img", { alt: "", src: address }));
    }
  }

  #examples(texts) {
    const example = (text) => element("button", { type: "button", class: "example", part: "example", onclick: () => this.write(text) }, text);
    this.root.getElementById("examples").replaceChildren(...texts.map(example));
  }
}
