/** This module makes nodes without markup, so that whatever the server sends can only become text. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  again: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  attach: "M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.7-7.7",
  back: "M15 5l-7 7 7 7",
  chat: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-7l-5 3.5v-3.5H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5z",
  bad: "M7 14V5H4v9zM7 13l4 7c1.5 0 2.3-1 2-2.5L12.5 14H18a2 2 0 0 0 2-2.4l-1.3-5A2 2 0 0 0 16.8 5H7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  down: "M12 5v14M6 13l6 6 6-6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  forward: "M9 5l7 7-7 7",
  good: "M7 10v9H4v-9zM7 11l4-7c1.5 0 2.3 1 2 2.5L12.5 10H18a2 2 0 0 1 2 2.4l-1.3 5a2 2 0 0 1-1.9 1.6H7",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  mic: "M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4zM6.5 11.5a5.5 5.5 0 0 0 11 0M12 17v3",
  menu: "M4 7h16M4 12h16M4 17h10",
  new: "M12 5v14M5 12h14",
  send: "M12 20V5M5.5 11.5L12 5l6.5 6.5",
  terminal: "M5 7l5 5-5 5M12 18h7",
  topic: "M4 6h9M4 12h6M4 18h9M17 9v8M13 13h8",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};

/** Make a line drawing. It is hidden from screen readers, because the button around it has a label. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", "icon");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** Make an element. Strings among the children become text nodes, `null` is left out, and `on…` adds a listener. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== "") node.append(child);
  return node;
}

/** Put the drawings into the buttons that the page was written with. */
export function drawIcons(root) {
  for (const place of root.querySelectorAll("[data-icon]")) place.prepend(icon(place.dataset.icon));
}

/**
 * Copy text, and return whether that worked. Over plain http, browsers have no other way than `execCommand`, for
 * which a field stands `near` a node for a moment.
 */
export async function copyText(text, near) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  const field = element("textarea", { class: "hidden" });
  field.value = text;
  near.after(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
