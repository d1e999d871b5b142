"""The small script of the page: it does what its modules do, and is served as long as it was made from them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qa_service.web.script_modules import join_script, read_made, read_packed, write_made, write_packed
from tests.adversary import STATIC

SAMPLE = r"""
const 이름 = { 가: 1, "나 다": `두  줄\n
  ${[1, 2].map((하나) => `안쪽 ${하나 + 1} \${} // 그대로`).join("  ")}  끝 /* 그대로 */` };
class Shelf {
  static #made = 0;
  #books = new Map();
  get #size() { return this.#books.size; }
  static has(shelf) { return #books in shelf; }
  async *read() { for (const [name, book] of this.#books) yield `${name}: ${book}`; }
  add(name, book = /[/*]+\/"(?<밑>.)(?=\s)/gu.test(name) ? "regex" : 4 / 2 / 1) {
    this.#books.set(name, book);
    Shelf.#made++;
    return this;
  }
  toString() { return `${this.#size} of ${Shelf.#made}`; }
}
const shelf = new Shelf().add('/"가 ').add("하나 // 둘").add("<\/script>", "\u2028\u200b\ud55c");
let found = [];
for await (const line of shelf.read()) found.push(line);
outer: for (const one of [1, 2, 3])
  for (const two of [3, 2]) { if (one === two) continue outer; found.push(one - -two) }
const { "나 다": text, ...rest } = 이름
;[found[0], found[1]] = [found[1], found[0]]
console.log(JSON.stringify([text, rest, `${shelf}`, found, Shelf.has(shelf), Shelf.has({}), text?.at(-1) ?? null]));
"""
MINIFY = "import sys, minify; print(minify.string('application/javascript', sys.stdin.read()))"


def minify(text: str) -> str:
    """Make the small script in a process of its own, because Go may not be loaded into tests that fork."""
    command = [sys.executable, "-X", "utf8", "-c", MINIFY]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout


def run_script(text: str, folder: Path) -> str:
    """Run a script, and return what it prints."""
    if not (node := shutil.which("node")):
        pytest.skip("no Node on this machine")
    path = folder / "script.mjs"
    path.write_text(text)
    return subprocess.run([node, path], check=True, capture_output=True, text=True, timeout=60).stdout


def test_a_small_script_prints_what_the_written_one_prints(tmp_path: Path) -> None:
    small = minify(SAMPLE)
    assert len(small) < len(SAMPLE)
    assert run_script(small, tmp_path) == run_script(SAMPLE, tmp_path) != ""


def test_the_small_script_has_every_text_that_people_read() -> None:
    small = read_made(join_script(STATIC))
    assert small, "a module has changed since `python hatch_build.py` made the script"
    for name in ("words-ko.js", "words-en.js"):
        texts = re.findall(r'"([^"\\]*)"', (STATIC / name).read_text())
        assert len(texts) > 50
        assert [text for text in texts if text not in small] == []


def test_a_small_script_is_read_until_a_module_changes(tmp_path: Path) -> None:
    target = tmp_path / "chat.min.js"
    assert read_made("const one = 1;\n", target) is None
    write_made("const one = 1;\n", "const one=1\n// 하나", target)
    assert read_made("const one = 1;\n", target) == "const one=1\n// 하나"
    assert read_made("const one = 2;\n", target) is None


def test_a_packed_script_is_read_until_another_one_is_made(tmp_path: Path) -> None:
    target = tmp_path / "chat.min.js.br"
    assert read_packed("const one=1", target) is None
    write_packed("const one=1", b"\n\x00packed\xff", target)
    assert read_packed("const one=1", target) == b"\n\x00packed\xff"
    assert read_packed("const one=2", target) is None
