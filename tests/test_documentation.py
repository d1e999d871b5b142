"""What README and the pages of `docs/` tell people is there: links, headings and modules; and the sample code runs."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.live.chromium import CHROMIUM

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """The text of a page without its samples."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The names by which links reach the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether a link names a file or a heading that isn't there."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or (target.suffix == ".md" and anchor != "" and anchor not in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
class TestPages:
    def test_each_link_leads_to_a_file_and_a_heading_there_are(self, page: Path) -> None:
        links = [link for link in LINK.findall(prose(page)) if "://" not in link]
        assert [link for link in links if leads_nowhere(page, link)] == []

    def test_each_module_that_is_named_exists(self, page: Path) -> None:
        named = re.findall(r"`(?:qa_service/)?([a-z_/]+\.py)`", page.read_text())
        assert [path for path in named if not any((ROOT / top / path).exists() for top in ("qa_service", "."))] == []


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium")
def test_the_javascript_reader_puts_an_answer_together(tmp_path: Path) -> None:
    reader = re.search(r"```js\n(async function\* ask.*?)```", (DOCS / "asking.md").read_text(), re.DOTALL)
    assert reader
    stream = "".join(f'data: {{"type":"text","content":"{piece}"}}\n\n' for piece in ("안녕", "하세요"))
    (tmp_path / "page.html").write_text(
        f"""<meta charset=utf-8><body><script type=module>
        window.fetch = async () => new Response(new ReadableStream({{ start(controller) {{
          for (const byte of {list(stream.encode())}) controller.enqueue(new Uint8Array([byte]));
          controller.close();
        }} }}));
        {reader[1]}
        for await (const {{ content }} of ask("/", {{ question: "?" }})) document.body.append(content);
        </script>"""
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path}/profile", f"file://{tmp_path}/page.html"]
    shown = subprocess.run([str(part) for part in command], capture_output=True, text=True)

    assert "안녕하세요" in shown.stdout, shown.stderr
