/** This module shows a question that was asked. It can be changed, and asked again in its own place. */

import { element, icon } from "./element.js";
import { isComposing, isSending, isWrittenByTouch } from "./enter.js";
import { label, say } from "./words.js";

const LONG_QUESTION = 600;

/** Make the question of a turn, with the files it came with. `edit(text)` asks it again with another text. */
export function askedQuestion(question, files, edit) {
  const text = element("p", {}, question);
  const bubble = element("div", { class: "bubble" }, text);
  if (question.length > LONG_QUESTION) bubble.append(shortened(text));
  const change = label(element("button", { type: "button", class: "quiet icon-only edit" }, icon("edit")), "editQuestion");
  const line = element("div", { class: "asked-line" }, change, bubble);
  change.addEventListener("click", () => {
    const form = questionForm(question, { edit, close: () => (form.replaceWith(line), change.focus()) });
    line.replaceWith(form);
    form.elements.question.focus();
  });
  const heading = say(element("h2", { class: "hidden" }), "asked");
  return element("div", { class: "asked" }, heading, line, files);
}

/** Show the first lines of a long text, and return the button that shows all of it. */
function shortened(text) {
  text.classList.add("clamped");
  const all = say(element("button", { type: "button", class: "text", onclick: () => (text.classList.remove("clamped"), all.remove()) }), "showAll");
  return all;
}

function questionForm(question, { edit, close }) {
  const field = label(element("textarea", { name: "question", rows: "2", enterkeyhint: isWrittenByTouch() ? "enter" : "send" }), "editQuestion");
  field.value = question;
  const send = () => field.value.trim() && edit(field.value.trim());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event)) {
      event.stopPropagation();
      close();
    } else if (isSending(event, { byTouch: isWrittenByTouch() })) {
      event.preventDefault();
      if (!event.repeat) send();
    }
  });
  const form = element("form", { class: "rewrite box" }, field, say(element("p", { class: "faint" }), "editDrops"),
    element("div", { class: "row" }, element("span", { class: "spring" }),
      say(element("button", { type: "button", class: "text", onclick: close }), "cancel"),
      say(element("button", { type: "submit", class: "primary wide" }), "askEdited")));
  form.addEventListener("submit", (event) => (event.preventDefault(), send()));
  return form;
}
