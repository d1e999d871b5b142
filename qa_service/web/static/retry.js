/** This module offers to ask once more, and not before the time that the server asked to wait is over. */

import { element } from "./element.js";
import { say } from "./words.js";

const SECOND_MS = 1_000;

/** Make the nodes that offer it: a sentence with the seconds that are left, and a button that is off until then. */
export function retryOffer(seconds, act) {
  const button = say(element("button", { type: "button", class: "text", onclick: act }), "retry");
  if (!(seconds > 0)) return [button];
  const note = say(element("p"), "retryIn", { seconds });
  const until = Date.now() + seconds * SECOND_MS;
  button.disabled = true;
  const clock = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / SECOND_MS);
    if (left > 0) return say(note, "retryIn", { seconds: left });
    clearInterval(clock);
    note.remove();
    button.disabled = false;
  }, SECOND_MS);
  return [note, button];
}
