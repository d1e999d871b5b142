/**
 * This module finds markers, as `qa_service/markers.py` does, which tells their grammar. The pattern is the same, and a
 * test holds both to the same cases.
 */

export const MARKER = /(?<!(?:\b[A-Za-z_]|[_\]\\])(?=\[))(?:\[[0-9０-９]{1,3}(?: ?[,，、] ?[0-9０-９]{1,3}){0,9}\]|［[0-9０-９]{1,3}(?: ?[,，、] ?[0-9０-９]{1,3}){0,9}］|【[0-9０-９]{1,3}(?: ?[,，、] ?[0-9０-９]{1,3}){0,9}】)+(?!\()/g;

/** The numbers of one marker such as `[1][2, 3]`, or of several. */
export function numbersOf(markers) {
  return markers.normalize("NFKC").match(/\d+/g).map(Number);
}
