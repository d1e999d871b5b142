/**
 * This module draws parts, and changes what it has drawn to what is wanted now. A node that is still wanted stays the same
 * node, so what a reader has selected, opened or scrolled within it stays too.
 *
 * A part is a string, or `{ tag, attributes, children }`. The children may be a function that gives them; where a part also
 * has a `source`, that function is called only if the source, or whether the part `isOpen`, isn't what it was. A part that
 * is more than an element has `make()`, which gives its `node` and the `body` for its children; its `tag` is then a name
 * that no other kind of part has.
 */

import { element } from "./element.js";

export const NONE = {};

/** A part that is an element. What it is `read` from is its `source` and whether it `isOpen`. */
export const part = (tag, children, attributes = NONE, read = NONE) => ({ tag, children, attributes, ...read });

/** A node, and the parts that are drawn in its `body`. */
export class Drawing {
  constructor(node, body = node) {
    Object.assign(this, { node, body, part: NONE, inner: [] });
  }

  /** Draw these parts, and nothing else, behind the first `kept` ones. */
  show(parts, kept = 0) {
    parts.forEach((part, index) => this.#put(part, kept + index));
    for (const { node } of this.inner.splice(kept + parts.length)) node.remove();
  }

  #put(wanted, at) {
    let drawn = this.inner[at];
    if (!drawn || drawn.part.tag !== wanted.tag) {
      const fresh = draw(wanted);
      if (drawn) drawn.node.replaceWith(fresh.node);
      else this.body.append(fresh.node);
      drawn = this.inner[at] = fresh;
    }
    drawn.#become(wanted);
  }

  #become(wanted) {
    const before = this.part;
    this.part = wanted;
    if (typeof wanted === "string") {
      this.#write(wanted);
      return;
    }
    this.#describe(before.attributes ?? NONE, wanted.attributes ?? NONE);
    const { children = [], source, isOpen } = wanted;
    if (source !== undefined && before.source === source && before.isOpen === isOpen) return;
    this.show(typeof children === "function" ? children() : children);
  }

  /** What is only appended to leaves the reader's selection as it is, and is laid out faster. */
  #write(text) {
    const { data } = this.node;
    if (text.startsWith(data)) this.node.appendData(text.slice(data.length));
    else this.node.data = text;
  }

  #describe(before, now) {
    if (before === now) return;
    for (const [name, value] of Object.entries({ ...before, ...now })) {
      if (!(name in now)) this.node.removeAttribute(name);
      else if (before[name] !== value) this.node.setAttribute(name, value);
    }
  }
}

function draw(wanted) {
  if (typeof wanted === "string") return new Drawing(document.createTextNode(""));
  const { node, body } = wanted.make?.() ?? { node: element(wanted.tag) };
  return new Drawing(node, body);
}
