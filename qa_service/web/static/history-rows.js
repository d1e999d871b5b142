/** This module makes the rows of the list of past conversations. */

import { element, icon } from "./element.js";
import { isComposing } from "./enter.js";
import { label, say, since, words } from "./words.js";

const LONGEST_TITLE = 200;

/** A conversation that can be opened, renamed and removed. */
export function pastRow({ sessionId, title, updatedAt }, { isCurrent, open, rename, remove }) {
  const name = title || words("untitled");
  const choice = element("button", { type: "button", class: "open", onclick: open },
    element("span", { class: "name" }, name), element("time", { datetime: updatedAt }, since(updatedAt)));
  if (isCurrent) choice.setAttribute("aria-current", "true");
  const row = element("li", { "data-session": sessionId }, choice, element("span", { class: "row-tools" },
    rowTool("rename", "edit", () => rename(row), { key: "renameConversation", name }),
    rowTool("remove", "trash", remove, { key: "removeConversation", name })));
  return row;
}

/** A conversation that was removed just now. */
export function undoRow({ sessionId, title }, undo) {
  const name = title || words("untitled");
  return element("li", { "data-session": sessionId, class: "removed" },
    say(element("span", { class: "name" }), "conversationRemoved", { title: name }),
    label(element("button", { type: "button", class: "text undo", onclick: undo }, words("undo")), "undoRemoval", { title: name }));
}

/** A field for another title. Enter and leaving the field save it, and Escape doesn't. */
export function renamingRow(title, { save, close }) {
  const field = label(element("input", { type: "text", class: "title-field", maxlength: LONGEST_TITLE, autocomplete: "off" }), "titleField");
  field.value = title;
  let isOver = false;
  const end = (keeps) => {
    if (isOver) return;
    isOver = true;
    const next = field.value.trim();
    if (keeps && next && next !== title) save(next);
    close();
  };
  field.addEventListener("blur", () => end(true));
  field.addEventListener("keydown", (event) => {
    if (isComposing(event) || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === "Enter");
  });
  return element("li", { class: "renaming" }, field);
}

function rowTool(name, drawing, act, { key, name: title }) {
  const button = element("button", { type: "button", class: `quiet icon-only ${name}`, onclick: act }, icon(drawing));
  return label(button, key, { title });
}
