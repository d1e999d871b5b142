/** This module keeps what a reader looks at in its place while something is added above it. */

/** Carry out `change()`, after which `node` stands where it stood on the screen. */
export function keepPlace(node, change) {
  const before = node.getBoundingClientRect().top;
  change();
  const moved = node.getBoundingClientRect().top - before;
  if (moved) scrollerOf(node).scrollBy({ top: moved, behavior: "instant" });
}

/** What scrolls around a node: an element, also outside of its shadow tree, or the whole page. */
function scrollerOf(node) {
  const around = [];
  for (let box = parentOf(node); box; box = parentOf(box)) if (box instanceof Element) around.push(box);
  // The last two are the body and the root, which scroll with the page.
  return around.slice(0, -2).find(isScrolling) ?? document.scrollingElement;
}

function isScrolling(box) {
  return box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY);
}

function parentOf(node) {
  return node.assignedSlot ?? node.parentNode ?? node.host;
}
