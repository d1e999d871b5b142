/**
 * This module finds what deserves a colour in code: comments, strings, numbers and keywords. It knows families of
 * languages and no grammar. Each pattern takes all that it has looked at, so the time grows with the length of the code.
 */

const SLASHES = /(\/\/[^\n]*|\/\*.*?(?:\*\/|$))|("(?:\\.|[^"\\\n])*"?|(?<![\w&<])'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?)|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)/gs;
const HASHES = /((?<!\S)#[^\n]*)|(""".*?(?:"""|$)|'''.*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|(?<!\w)'(?:\\.|[^'\\\n])*'?)|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)/gs;
const DASHES = /(--[^\n]*|\/\*.*?(?:\*\/|$))|("[^"\n]*"?|(?<!\w)'[^'\n]*'?)|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)/gs;
const TAGGED = /(<!--.*?(?:-->|$))|((?<==)"[^"]*"?|(?<==)'[^'\n]*'?)|(<\/?[A-Za-z][\w:-]*)/gs;
const LANGUAGES = [
  [SLASHES, "c c++ cpp cs csharp css dart go java javascript js json jsonc jsx kotlin php rs rust scala scss swift ts tsx typescript"],
  [HASHES, "bash dockerfile ini makefile nginx perl powershell py python r rb ruby sh shell toml yaml yml"],
  [DASHES, "lua mysql postgresql sql"],
  [TAGGED, "html svg vue xml"],
];
const PATTERNS = new Map(LANGUAGES.flatMap(([pattern, names]) => names.split(" ").map((name) => [name, pattern])));
const KEYWORDS = new Set(
  ("and as async await begin bool boolean break by case catch char class const continue create def default " +
  "del delete do double elif else end enum except export extends false False finally float fn for from func " +
  "function go group if impl import in insert int interface into is join lambda let limit match mut new nil " +
  "not null None of on or order package pass private pub public raise return select self set static struct " +
  "super switch table this throw true True try type update use val values var void where while with yield").split(" "),
);

/** The parts of some code in order, each as `[kind, text]`. The kind is empty for what gets no colour. */
export function highlight(code, language) {
  const pattern = PATTERNS.get(language.toLowerCase());
  if (!pattern) return [["", code]];
  const parts = [];
  let at = 0;
  for (const found of code.matchAll(pattern)) {
    const kind = kindOfPart(found, pattern);
    if (!kind) continue;
    parts.push(["", code.slice(at, found.index)], [kind, found[0]]);
    at = found.index + found[0].length;
  }
  return [...parts, ["", code.slice(at)]];
}

/** Of markup, the third kind is the tags. The keywords of SQL are written in capitals as well. */
function kindOfPart([, comment, string, third, word = ""], pattern) {
  if (comment) return "comment";
  if (string) return "string";
  if (third) return pattern === TAGGED ? "keyword" : "number";
  return KEYWORDS.has(pattern === DASHES ? word.toLowerCase() : word) ? "keyword" : "";
}
