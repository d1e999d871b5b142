/**
 * This module tells the kind of a file before it is sent, so that no one waits for the upload of a file that can't be
 * read. It is careful: only a kind that it is sure of, and that the server doesn't name among its own, counts as
 * unreadable. The server looks at all others itself.
 */

/** The first bytes of a file are enough to know it by. */
export const HEAD_BYTES = 512;

const SIGNATURES = [
  ["%PDF-", "pdf"], ["\x89PNG", "png"], ["\xff\xd8\xff", "jpeg"], ["GIF8", "gif"], ["{\\rtf", "rtf"],
  ["7z\xbc\xaf", "7z"], ["Rar!", "rar"], ["\x1f\x8b", "gz"], ["\xfd7zXZ", "xz"], ["BZh", "bz2"],
  ["ID3", "mp3"], ["OggS", "ogg"], ["fLaC", "flac"], ["\x1aE\xdf\xa3", "webm"], ["MZ", "exe"], ["\x7fELF", "elf"],
  ["SQLite format 3", "sqlite"], ["8BPS", "psd"],
];
/** A container has its kind behind a size. */
const INNER_SIGNATURES = [[8, "WEBP", "webp"], [8, "WAVE", "wav"], [8, "AVI ", "avi"], [4, "ftyphe", "heic"], [4, "ftypmif1", "heic"], [4, "ftypavif", "avif"], [4, "ftyp", "mp4"]];
/** All old kinds of office files begin with these bytes, so that their names tell them apart. */
const OLE = "\xd0\xcf\x11\xe0";
const OLD_OFFICE = ["doc", "ppt"];
/** Files of these names have no signature that is sure. */
const BINARY = ["mp3", "m4a", "wma", "mpg", "mpeg", "wmv", "flv", "bmp", "ico", "dmg", "iso", "ttf", "otf", "woff", "woff2", "class", "so", "dll", "bin", "db"];
const CONTROLS = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/;

/** Return the kind of a file of this name that begins with these bytes, or an empty string where that isn't sure. */
export function kindOf(name, bytes) {
  const head = String.fromCharCode(...bytes.slice(0, HEAD_BYTES));
  const suffix = suffixOf(name);
  if (head.startsWith(OLE)) return OLD_OFFICE.includes(suffix) ? suffix : "";
  const [, signed] = SIGNATURES.find(([mark]) => head.startsWith(mark)) ?? [];
  const [, , inner] = INNER_SIGNATURES.find(([at, mark]) => head.startsWith(mark, at)) ?? [];
  // Text is readable whatever its name is, even where it begins with letters that are also a signature.
  if (!CONTROLS.test(head)) return ["pdf", "rtf"].includes(signed) ? signed : "";
  return signed ?? inner ?? (BINARY.includes(suffix) ? suffix : "");
}

/** Whether the server, which reads `kinds`, certainly can't read this file. Without `kinds` nothing is certain. */
export function isUnreadable(name, bytes, kinds = []) {
  const kind = kindOf(name, bytes);
  return kind !== "" && kinds.length > 0 && !kinds.includes(kind);
}

function suffixOf(name) {
  const [, suffix = ""] = name.toLowerCase().match(/\.([a-z0-9]+)$/) ?? [];
  return suffix;
}
