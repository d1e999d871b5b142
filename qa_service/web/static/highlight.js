/**
 * This module finds what deserves a colour in code: comments, strings, numbers and keywords. It knows families of
 * languages and no grammar. Each pattern takes all that it has looked at, so the time grows with the length of the code.
 */

const SLASHES = /(\/\/[^\n]*|\/\*.*?(?:\*\/|$))|("(?:\\.|[^"\\\n])*"?|(?<![\w&<])'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?)|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)/gs;
const HASHES = /((?<!\S)#[^\n]*)|(""".*?(?:"""|$)|'''.*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|(?<!\w)'(?:\\.|[^'\\\n])*'?)|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)/gs;
const DASHES = /(--[^\n]*|\/\*.*?(?:\*\/|$))|("[^"\n]*"?|(?<!\w)'[^'\n]*'?)|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)/gs;
const TAGGED = /(<!--.*?(?:-->|$))|((?<==)"[^"]*"?|(?<==)'[^'\n]*'?)|(&#?\w+;)|(<\/?[A-Za-z][\w:-]*)/gs;
const LANGUAGES = [
  [SLASHES, "c c++ cpp cs csharp css dart go h hpp java javascript js json json5 jsonc jsx kotlin kt less m mjs objc php proto rs rust scala scss swift ts tsx typescript"],
  [HASHES, "bash conf dockerfile elixir env ini make makefile nginx perl pl powershell ps1 py python r rb ruby sh shell toml yaml yml zsh"],
  [DASHES, "elm haskell hs lua mysql pgsql plsql postgresql sql"],
  [TAGGED, "html svg vue xhtml xml"],
];
const PATTERNS = new Map(LANGUAGES.flatMap(([pattern, names]) => names.split(" ").map((name) => [name, pattern])));
const KEYWORDS = new Set(
  ("abstract alter and as assert async await begin bool boolean break by byte case catch char class const constexpr continue " +
  "create def default defer del delete distinct do done double drop elif else elsif end enum esac except export extends extern " +
  "false False fi final finally float fn for foreach from func function global go group having if impl implements import in " +
  "index insert inner int interface into is join key lambda left let limit local long loop match mod module mut namespace new " +
  "nil not null None nonlocal of on operator or order outer override package pass primary private protected pub public raise " +
  "readonly return right select self set short sizeof static struct super switch table template then this throw throws trait " +
  "true True try type typedef typeof undefined union unless unsigned until update use using val values var virtual void when " +
  "where while with yield").split(" "),
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
    if (found.index > at) parts.push(["", code.slice(at, found.index)]);
    parts.push([kind, found[0]]);
    at = found.index + found[0].length;
  }
  if (at < code.length) parts.push(["", code.slice(at)]);
  return parts;
}

function kindOfPart([, comment, string, number, word], pattern) {
  if (comment) return "comment";
  if (string) return "string";
  if (number) return "number";
  // The keywords of SQL are written in capitals as well.
  const isKeyword = pattern === TAGGED || KEYWORDS.has(word) || (pattern === DASHES && KEYWORDS.has(word.toLowerCase()));
  return isKeyword ? "keyword" : "";
}
