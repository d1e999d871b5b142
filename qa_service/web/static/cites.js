/**
 * This module tells which place of an answer each of its numbers stands for. The service sends the places of a source
 * once each, by their claims; two numbers behind one claim, as in `[1][2][1]`, have one place together.
 */

import { MARKER, numbersOf } from "./markers.js";

const CODE_IN_TEXT = /```.*?(?:```|$)|``[^\n]*?``|`[^`\n]*`/gs;
/** Markers that stand side by side in a line, with the space behind them, where each of their signs is blanked. */
const BLANKED = /\0(?:\0|[^\S\n])*/g;

/** The place of the number `n` that is the one at `index` in the shown text; undefined if none is known. */
export function citeAt(text, { n, cites = [] }, index) {
  const known = citesOf(text, n, cites);
  // Where the text itself has no such number, the page has put one behind each place.
  return known.length ? known[index] : cites.toSorted((one, other) => one.end - other.end)[index];
}

/** The place of each `n` in the text, in order. Places count code points, as an iterator does. */
function citesOf(text, n, cites) {
  const prose = text.replaceAll("\0", ".").replace(CODE_IN_TEXT, (code) => code.replace(/[^\n]/g, "."));
  const astral = [...text.matchAll(/[\ud800-\udbff]/g)].map(({ index }) => index);
  let passed = 0;
  // A claim that ends in one place may begin in two: behind a marker that opens the sentence, or with the sentence itself.
  const claims = cites.filter(({ start, end }) => start < end).sort((one, other) => one.start - other.start);
  const blanked = prose.replace(MARKER, (marker) => "\0".repeat(marker.length));
  return [...blanked.matchAll(BLANKED)].flatMap(({ 0: { length }, index }) => {
    while (astral[passed] < index) passed += 1;
    let end = index;
    while (/[^\S\n]/.test(text[end - 1] ?? "")) end -= 1;
    const before = end - passed;
    const after = index + length - passed;
    const numbers = numbersOf(prose.slice(index, index + length)).filter((number) => number === n);
    return numbers.map(() => claims.find(({ end }) => end === before) ?? claims.find(({ start }) => start === after));
  });
}
