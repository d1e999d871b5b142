/** What the page says, in Korean and English; one switch re-words everything that is on the page. */

import { EN } from "./words-en.js";
import { KO } from "./words-ko.js";

const STORED = "qa.language";
const WORDS = { ko: KO, en: EN };
const said = new WeakMap();

let chosen = localStorage.getItem(STORED) ?? (navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en");
if (!(chosen in WORDS)) chosen = "en";

/** The language in use: `ko` or `en`. */
export function language() {
  return chosen;
}

/** The words for a key; a key that takes values is a function of them. */
export function words(key, values = {}) {
  const found = WORDS[chosen][key];
  return typeof found === "function" ? found(values) : found ?? key;
}

/** Whether there are words for this key: codes from the server may be newer than this page. */
export function hasWords(key) {
  return key in EN;
}

/** Give a node its text by key, now and after every switch. */
export function say(node, key, values) {
  said.set(node, values);
  node.dataset.word = key;
  node.textContent = words(key, values);
  return node;
}

/** Give a node its accessible name and tooltip by key, now and after every switch. */
export function label(node, key, values) {
  said.set(node, values);
  node.dataset.label = key;
  named(node);
  return node;
}

function named(node) {
  const name = words(node.dataset.label, said.get(node));
  node.setAttribute("aria-label", name);
  if (node.matches("button, a, summary")) node.title = name;
}

/** Word everything below `root` that has a key. */
export function reword(root) {
  document.documentElement.lang = chosen;
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = words(node.dataset.word, said.get(node));
  for (const node of root.querySelectorAll("[data-label]")) named(node);
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = words(node.dataset.hint);
}

/** Switch, and remember it. */
export function choose(next) {
  chosen = next;
  localStorage.setItem(STORED, next);
  reword(document);
}

/** `12 KB`, `3.4 MB`. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), units.length);
  const amount = bytes / 1024 ** power;
  return `${amount.toFixed(amount < 10 && amount % 1 ? 1 : 0)} ${units[power - 1]}`;
}

/** A number with its separators. */
export function count(number) {
  return new Intl.NumberFormat(chosen).format(number);
}

/** `5 minutes ago`, `그저께`. */
export function since(time) {
  const seconds = (new Date(time) - Date.now()) / 1000;
  if (seconds > -60) return words("justNow");
  const steps = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const [unit, length] = steps.find(([, step]) => -seconds >= step);
  return new Intl.RelativeTimeFormat(chosen, { numeric: "auto" }).format(Math.ceil(seconds / length), unit);
}
