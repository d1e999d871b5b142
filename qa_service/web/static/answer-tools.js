/** This module has the buttons under an answer: to copy it, to say what it was worth, and to have it written again. */

import { curlOf } from "./curl.js";
import { copyText, element, icon } from "./element.js";
import { label, words } from "./words.js";

/** Each rating has its words and its drawing. */
const RATINGS = { up: ["rateUp", "good"], down: ["rateDown", "bad"] };
const COPIED_MS = 2_000;

/** Make the buttons for a turn that is over. `actions` has what they do, such as `rate(turn, rating)`. */
export function answerTools(turn, actions) {
  return element("span", { class: "tools" },
    turn.prose.text ? copyTool("copyAnswer", "copy", () => turn.prose.text, actions) : null,
    turn.prose.text ? copyTool("copyRequest", "terminal", () => curlOf(turn.question, circumstances(actions)), actions) : null,
    turn.answerId && turn.prose.text ? ratingTools(turn, actions) : null,
    turn.answerId && turn.status !== "failed" ? againTool(turn, actions) : null);
}

function iconButton(key, drawing, act, attributes = {}) {
  const button = element("button", { type: "button", class: "quiet icon-only", onclick: act, ...attributes }, icon(drawing));
  return label(button, key);
}

function copyTool(key, drawing, text, { announce }) {
  const button = iconButton(key, drawing, async () => {
    if (!(await copyText(text(), button))) return;
    button.replaceChildren(icon("check"));
    announce(words("copied"));
    setTimeout(() => button.replaceChildren(icon(drawing)), COPIED_MS);
  });
  return button;
}

/** Only the last answer can be written again, so the style hides this button in all turns but the last. */
function againTool(turn, { regenerate }) {
  return iconButton("regenerate", "again", () => regenerate(turn), { class: "quiet icon-only again" });
}

function ratingTools(turn, { rate, announce, complain }) {
  const buttons = new Map();
  const press = (rating) => {
    for (const [each, button] of buttons) button.setAttribute("aria-pressed", String(each === rating));
  };
  const give = async (rating) => {
    press(rating);
    try {
      await rate(turn, rating);
      turn.rating = rating;
      announce(words("rated"));
    } catch (problem) {
      press(turn.rating);
      complain(problem.message);
    }
  };
  for (const [rating, [key, drawing]] of Object.entries(RATINGS)) buttons.set(rating, iconButton(key, drawing, () => give(rating)));
  press(turn.rating);
  return [...buttons.values()];
}

/** What a command must know: where the service is, and whether there is a conversation to go on in, and a key to give. */
function circumstances({ service, hasSession, config }) {
  const hasKey = ["key", "user"].includes(config().caller.kind);
  return { address: service.resolve("ask"), hasSession: hasSession(), hasKey };
}
