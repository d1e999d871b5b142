/** This module searches the pages of the guide. */

const search = document.querySelector("search");
const field = search.querySelector("input");
const status = search.querySelector("[role=status]");
const list = search.querySelector("#found");
const { index, pages, found, nothing } = document.body.dataset;
const MOST = 20;
/** This many characters are shown around what was found. */
const AROUND = 80;
let sections;

search.hidden = false;
field.addEventListener("focus", load);
field.addEventListener("input", show);

/** Load the sections once. Where that fails, there are none, and the next letter tries again. */
function load() {
  return (sections ??= fetch(index).then((response) => response.json()).catch(() => (sections = undefined)));
}

/** Show the sections that have all words of the field. Those with a word in their heading come first. */
async function show() {
  const all = await load();
  if (!all) return;
  const words = fold(field.value).split(/\s+/).filter(Boolean);
  const matches = words.length ? all.filter((section) => words.every((word) => textOf(section).includes(word))) : [];
  const first = matches.filter(({ heading }) => words.some((word) => fold(heading).includes(word)));
  const best = [...new Set([...first, ...matches])];
  status.textContent = words.length ? (best.length ? found.replace("{}", best.length) : nothing) : "";
  list.replaceChildren(...best.slice(0, MOST).map((section) => item(section, words[0])));
}

function textOf({ title, heading, text }) {
  return fold(`${title} ${heading} ${text}`);
}

/** Letters that differ in case alone are the same to somebody who searches, and so are those that are composed. */
function fold(written) {
  return written.normalize("NFC").toLowerCase();
}

function item({ page, title, anchor, heading, text }, word) {
  const entry = document.createElement("li");
  const link = document.createElement("a");
  const excerpt = document.createElement("p");
  const { search: query } = new URL(index, location);
  link.href = `${pages}${page}${query}#${encodeURIComponent(anchor)}`;
  link.textContent = title === heading ? title : `${title} › ${heading}`;
  const place = Math.max(0, fold(text).indexOf(word));
  const begin = Math.max(0, place - AROUND);
  excerpt.textContent = `${begin ? "…" : ""}${text.slice(begin, place + AROUND)}…`;
  excerpt.className = "faint";
  entry.append(link, excerpt);
  return entry;
}
