/** This module reads pictures that a model draws, as they come. */

import { Problem } from "./problem.js";

/** Give the objects of a response of JSON lines. Blank lines only keep the connection alive. */
export async function* readPictures({ pieces }, language) {
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield readPicture(JSON.parse(line), language);
  }
}

function readPicture(picture, language) {
  if (picture.error) throw new Problem({ ...picture, code: picture.code || undefined, language });
  return picture;
}
