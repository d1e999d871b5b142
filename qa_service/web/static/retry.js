/** This module offers to ask once more, and not before the time that the server asked to wait is over. */

import { element } from "./element.js";
import { say } from "./words.js";

const SECOND_MS = 1_000;
/** The sentence about an error says that a wait takes a moment, unless it takes more than this many seconds. */
const MOMENT_SECONDS = 10;

/** How many of the seconds are left for which the server asked to wait at this time. */
export function secondsLeft({ retryAfter }, since) {
  return (retryAfter ?? 0) - Math.max(0, Date.now() - Date.parse(since)) / SECOND_MS;
}

/** Make a button that is disabled for this many seconds, and before it, for a long wait, a sentence with the seconds left. */
export function retryOffer(seconds, act) {
  const button = say(element("button", { type: "button", class: "text", onclick: act }), "retry");
  if (!(seconds > 0)) return [button];
  const notes = seconds > MOMENT_SECONDS ? [say(element("p"), "retryIn", { seconds: Math.ceil(seconds) })] : [];
  const until = Date.now() + seconds * SECOND_MS;
  button.disabled = true;
  const clock = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / SECOND_MS);
    if (left > 0) return notes.forEach((note) => say(note, "retryIn", { seconds: left }));
    clearInterval(clock);
    for (const note of notes) note.remove();
    button.disabled = false;
  }, SECOND_MS);
  return [...notes, button];
}
