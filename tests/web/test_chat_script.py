"""The small script of the page: it does what its modules do, and is served as long as it was made from them."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from qa_service.web.script_modules import MADE, join_script, read_made, write_made
from tests.adversary import STATIC

ROOT = Path(__file__).parents[2]
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


def run_python(statement: str, folder: Path, given: str = "") -> str:
    """What a statement prints in an interpreter of its own, because Go may not be loaded into tests that fork."""
    command = [sys.executable, "-X", "utf8", "-c", statement]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, input=given).stdout


def run_script(text: str, folder: Path) -> str:
    """What a script prints."""
    if not (node := shutil.which("node")):
        pytest.skip("no Node on this machine")
    path = folder / "script.mjs"
    path.write_text(text)
    return subprocess.run([node, path], check=True, capture_output=True, text=True, timeout=60).stdout


def test_a_small_script_prints_what_the_written_one_prints(tmp_path: Path) -> None:
    small = run_python(MINIFY, tmp_path, SAMPLE)
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


def test_a_wheel_has_the_small_script_of_its_own_modules(tmp_path: Path) -> None:
    for name in ("qa_service", "clients/js/src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", MADE.name))
    for path in ROOT.glob("*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    entry = tmp_path / "qa_service/web/static/qa-chat.js"
    entry.write_text(entry.read_text() + 'globalThis.changed = "다른 것";\n')
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "built"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    [wheel] = (tmp_path / "built").glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    made = (installed / "qa_service" / "web" / MADE.name).read_text().partition("\n")[2]
    assert 'globalThis.changed="다른 것"' in made
    served = "from qa_service.web.chat_script import chat_script; print(chat_script().plain.decode())"
    assert run_python(served, installed) == f"{made}\n"
