/** This module has what the page says, in Korean and English. One switch changes all words that are on the page. */

import { KO } from "./words-ko.js";
import { EN } from "./words-en.js";
import { browserStorage } from "./storage.js";

const STORED_LANGUAGE = "qa.language";
const WORDS = { ko: KO, en: EN };
const valuesOf = new WeakMap();

let chosen = known(browserStorage.getItem(STORED_LANGUAGE)) ?? known(globalThis.navigator?.language) ?? "en";

/** The language that a tag such as `ko-KR` names, if there are words in it. */
function known(tag) {
  const [name] = (tag ?? "").toLowerCase().split("-");
  return Object.hasOwn(WORDS, name) ? name : undefined;
}

/** The language in use: `ko` or `en`. */
export function language() {
  return chosen;
}

/** The words for a key. Where a key takes values, its words are a function of them. */
export function words(key, values = {}) {
  const found = WORDS[chosen][key];
  return typeof found === "function" ? found(values) : found ?? key;
}

/** Whether there are words for this key: codes from the server may be newer than this page. */
export function hasWords(key) {
  return Object.hasOwn(EN, key);
}

/** Give a node the words of a key as its text, now and after every switch of the language. */
export function say(node, key, values) {
  valuesOf.set(node, values);
  node.dataset.word = key;
  node.textContent = words(key, values);
  return node;
}

/** Give a node the words of a key as its accessible name and tooltip, now and after every switch. */
export function label(node, key, values) {
  valuesOf.set(node, values);
  node.dataset.label = key;
  applyLabel(node);
  return node;
}

function applyLabel(node) {
  const name = words(node.dataset.label, valuesOf.get(node));
  node.setAttribute("aria-label", name);
  // A number in an answer has a preview, over which a tooltip would lie.
  if (node.matches("button:not(.cite), a, summary")) node.title = name;
}

/** Write the words of everything below `root` that has a key. */
export function reword(root) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = words(node.dataset.word, valuesOf.get(node));
  for (const node of root.querySelectorAll("[data-label]")) applyLabel(node);
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = words(node.dataset.hint);
}

/** Switch to the language of a tag, if there are words in it. Without `forGood` the browser doesn't remember it. */
export function choose(tag, { forGood = false } = {}) {
  chosen = known(tag) ?? chosen;
  if (forGood) browserStorage.setItem(STORED_LANGUAGE, chosen);
}

/** The text in the language in use, out of texts such as `{ko: "…", en: "…"}`. Any other is better than none. */
export function inLanguage(texts) {
  return texts?.[chosen] ?? Object.values(texts ?? {})[0];
}

/** Write a size, such as `12 KB` or `3.4 MB`. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), units.length);
  const amount = bytes / 1024 ** power;
  return `${amount.toFixed(amount < 10 && amount % 1 ? 1 : 0)} ${units[power - 1]}`;
}

/** Write a number with its separators. */
export function count(number) {
  return new Intl.NumberFormat(chosen).format(number);
}

/** Write how long ago a time was, such as `5 minutes ago` or `그저께`. */
export function since(time) {
  const seconds = (new Date(time) - Date.now()) / 1000;
  if (seconds > -60) return words("justNow");
  const steps = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const [unit, length] = steps.find(([, step]) => -seconds >= step);
  return new Intl.RelativeTimeFormat(chosen, { numeric: "auto" }).format(Math.ceil(seconds / length), unit);
}
