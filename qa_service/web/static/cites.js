/**
 * This module tells which place of an answer each of its numbers stands for. The service sends a source's places once
 * each, by their claims; two numbers behind one claim, as in `[1][2][1]`, have one place together.
 */

const MARKERS = /(?:[[［【][0-9０-９]{1,3}(?: ?[,，、] ?[0-9０-９]{1,3}){0,9}[\]］】][^\S\n]*)+/g;
const EACH = /[0-9０-９]{1,3}/g;

/** The place of the number `n` that is the one at `index` among the `count` shown ones; undefined if none is known. */
export function citeAt(text, { n, cites = [] }, { index, count }) {
  const known = citesOf(text, n, cites);
  const shown = known.length === count ? known : known.filter(Boolean);
  // Where the text itself has no such number, the page has put one behind each place.
  return known.length ? shown[index] : cites.toSorted((one, other) => one.end - other.end)[index];
}

/** The place of each `n` in the text, in order. One in code has none. Places count code points, as an iterator does. */
function citesOf(text, n, cites) {
  const astral = [...text.matchAll(/[\ud800-\udbff]/g)].map(({ index }) => index);
  let passed = 0;
  return [...text.matchAll(MARKERS)].flatMap(({ 0: group, index }) => {
    while (astral[passed] < index) passed += 1;
    const line = text.lastIndexOf("\n", index - 1) + 1;
    const before = line + text.slice(line, index).trimEnd().length - passed;
    const after = index + group.length - passed;
    const numbers = group.match(EACH).filter((number) => Number(number.normalize("NFKC")) === n);
    return numbers.map(() => cites.find(({ end }) => end === before) ?? cites.find(({ start }) => start === after));
  });
}
