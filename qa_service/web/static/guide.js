/** This module searches the pages of the guide. */

const search = document.querySelector("search");
const field = search.querySelector("input");
const status = search.querySelector("[role=status]");
const list = search.querySelector("#found");
const { index, pages, found, nothing } = document.body.dataset;
const MOST = 20;
/** So many characters are shown around what was found. */
const AROUND = 80;
let sections;

search.hidden = false;
field.addEventListener("focus", () => (sections ??= load()));
field.addEventListener("input", show);

async function load() {
  const response = await fetch(index);
  return response.json();
}

/** Show the sections that have all words of the field. Those with a word in their heading come first. */
async function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = await (sections ??= load());
  const matches = words.length ? all.filter((section) => words.every((word) => textOf(section).includes(word))) : [];
  const first = matches.filter(({ heading }) => words.some((word) => heading.toLowerCase().includes(word)));
  const best = [...new Set([...first, ...matches])];
  status.textContent = words.length ? (best.length ? found.replace("{}", best.length) : nothing) : "";
  list.replaceChildren(...best.slice(0, MOST).map((section) => item(section, words[0])));
}

function textOf({ title, heading, text }) {
  return `${title} ${heading} ${text}`.toLowerCase();
}

function item({ page, title, anchor, heading, text }, word) {
  const entry = document.createElement("li");
  const link = document.createElement("a");
  const excerpt = document.createElement("p");
  const { search: query } = new URL(index, location);
  link.href = `${pages}${page}${query}#${encodeURIComponent(anchor)}`;
  link.textContent = title === heading ? title : `${title} › ${heading}`;
  const place = Math.max(0, text.toLowerCase().indexOf(word));
  const begin = Math.max(0, place - AROUND);
  excerpt.textContent = `${begin ? "…" : ""}${text.slice(begin, place + AROUND)}…`;
  excerpt.className = "faint";
  entry.append(link, excerpt);
  return entry;
}
