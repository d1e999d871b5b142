"""What README and the pages of `docs/` tell people is so: links, modules, errors and commands. Their sample code runs,
and the pages in two languages say the same."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from qa_service import errors
from qa_service.arguments import build_parser
from tests.live.chromium import CHROMIUM
from tests.samples import ROOT, samples
from tests.test_house import NGINX
from tests.test_package import ERRORS, made

DOCS = ROOT / "docs"
ALL = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*/README.md"))
KOREAN = [page for page in ALL if page.name.endswith(".ko.md")]
FENCED = re.compile(r"^```(\w*)\n.*?^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"`(?:[A-Z_]+=\S+ )*((?:make|python -m|qa-service) [^`]+)`")
ERROR_ROW = re.compile(r"^\| `(\w+)` \| ([\d, –]+) \| (\S+) \|", re.M)
AGAIN = {"yes": True, "no": False, "예": True, "아니요": False}
LONGEST_README = 150


def prose(page: Path) -> str:
    """Return the text of a page without its samples."""
    return FENCED.sub("", page.read_text())


def headings(page: Path) -> list[tuple[str, str]]:
    """Return the headings of a page, each with its marks."""
    return re.findall(r"^(#+) (.+)$", prose(page), re.M)


def anchors(page: Path) -> set[str]:
    """Return the names by which links reach the headings of a page."""
    return {re.sub(r"[^\w\s-]", "", words.lower()).strip().replace(" ", "-") for _, words in headings(page)}


def leads_nowhere(page: Path, link: str) -> bool:
    """Tell whether a link names a file or a heading that isn't there."""
    name, _, anchor = link.partition("#")
    target = page.parent / unquote(name) if name else page
    return not target.exists() or (target.suffix == ".md" and anchor != "" and anchor not in anchors(target))


def is_command(command: str) -> bool:
    """Tell whether a command that stands in a sentence is one that can be typed here."""
    program, *words = shlex.split(command)
    match program:
        case "make":
            return subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True).returncode == 0
        case "python":
            return (ROOT / f"{words[1].replace('.', '/')}.py").exists()
        case _:
            return words[0].startswith("--") or words[0] in subcommands()


def subcommands() -> set[str]:
    """Return the commands of `qa-service`."""
    parser = build_parser()
    return {name for action in parser._actions for name in action.choices or ()}


def code_of_rows(page: Path) -> list[str]:
    """Return the code in the first cells of a page's tables."""
    cells = re.findall(r"^\| (.+?) \|", page.read_text(), re.M)
    return [code for cell in cells for code in re.findall(r"`[^`]+`", cell)]


def error_rows(page: Path) -> Iterator[tuple[str, set[int], bool]]:
    for code, statuses, again in ERROR_ROW.findall(page.read_text()):
        if code != errors.Cancelled.code:
            yield code, {int(status) for status in statuses.split(", ")}, AGAIN[again]


@pytest.mark.parametrize("page", [*ALL, *EXAMPLES], ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_to_a_file_and_a_heading_there_are(page: Path) -> None:
    links = [link for link in LINK.findall(prose(page)) if "://" not in link]
    assert [link for link in links if leads_nowhere(page, link)] == []


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
class TestPages:
    def test_each_module_that_is_named_exists(self, page: Path) -> None:
        named = re.findall(r"`(?:qa_service/)?([a-z_/]+\.py)`", page.read_text())
        assert [path for path in named if not any((ROOT / top / path).exists() for top in ("qa_service", "."))] == []

    def test_each_command_in_a_sentence_can_be_typed(self, page: Path) -> None:
        assert [command for command in COMMAND.findall(prose(page)) if not is_command(command)] == []

    def test_each_command_that_stands_alone_is_in_a_block_that_is_tried(self, page: Path) -> None:
        assert not {"bash", "sh", "shell", ""} & set(FENCED.findall(page.read_text()))
        assert re.findall(r"\n\n    (?:pip|curl|qa-service|make|claude) .+", prose(page)) == []


@pytest.mark.parametrize("page", KOREAN, ids=lambda page: page.name)
class TestTranslations:
    def test_has_the_headings_the_samples_and_the_rows_of_the_english_page(self, page: Path) -> None:
        english = page.with_name(page.name.replace(".ko.", "."))
        assert [marks for marks, _ in headings(page)] == [marks for marks, _ in headings(english)]
        assert list(samples(page)) == list(samples(english))
        assert FENCED.findall(page.read_text()) == FENCED.findall(english.read_text())
        assert code_of_rows(page) == code_of_rows(english)

    def test_leads_to_korean_pages_where_there_are_some(self, page: Path) -> None:
        missed = [
            link
            for link in LINK.findall(prose(page))
            if "://" not in link
            and link.partition("#")[0].endswith(".md")
            and ".ko." not in link
            and (page.parent / link.partition("#")[0]).with_suffix(".ko.md").exists()
        ]
        assert [link for link in missed if Path(link).stem != page.name.removesuffix(".ko.md")] == []


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_is_short(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= LONGEST_README


class TestReadme:
    """The ways into a site are shown as they work."""

    @staticmethod
    def code(language: str) -> str:
        found = re.search(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
        assert found
        return found[1]

    def test_the_flask_site_shows_the_page_and_knows_its_users(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("QA_DATA", str(tmp_path))
        names: dict[str, Any] = {"__name__": "site"}
        exec(self.code("python"), names)
        client = names["app"].test_client()
        stranger = client.get("/help/api/config").status_code
        with client.session_transaction() as login:
            login["user"] = "ann"

        assert client.get("/help/api/page").status_code == 200
        assert (stranger, client.get("/help/api/config").status_code) == (401, 200)

    @pytest.mark.skipif(not NGINX, reason="needs nginx")
    def test_the_lines_for_nginx_are_ones_that_it_takes_and_let_nobody_say_who_asks(self, tmp_path: Path) -> None:
        lines = self.code("nginx")
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; "
            + "".join(
                f"{kind}_temp_path {tmp_path}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f"server {{ listen unix:server.sock; {lines} }} }}"
        )
        tried = subprocess.run([str(NGINX), "-t", "-p", tmp_path, "-c", "nginx.conf"], capture_output=True, text=True)

        assert tried.returncode == 0, tried.stderr
        for header in ("X-User-Id", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix"):
            assert f"proxy_set_header {header} " in lines


@pytest.mark.parametrize("language", ["", ".ko"])
def test_the_readme_tells_the_times_of_the_runs(language: str) -> None:
    time = r"(?:\d+ min )?\d+ s|(?:\d+분 )?\d+초"
    runs = re.findall(rf"^\| \d \| .+ \| ({time}) \|\n\n", (DOCS / f"embedding{language}.md").read_text(), re.M)
    told = next(line for line in (ROOT / f"README{language}.md").read_text().splitlines() if "Next.js" in line)
    assert len(runs) == 3
    assert re.findall(time, told) == runs


@pytest.mark.parametrize("name", ["errors.md", "errors.ko.md"])
def test_each_error_stands_in_the_table_as_it_is_sent(name: str) -> None:
    sent: dict[str, tuple[set[int], set[bool]]] = {}
    for error in [*map(made, ERRORS), errors.UpstreamUnavailable(connected=False)]:
        statuses, again = sent.setdefault(error.code, (set(), set()))
        statuses.add(error.status)
        again.add(error.retryable)
    del sent[errors.Cancelled.code]

    assert {code: (statuses, {again}) for code, statuses, again in error_rows(DOCS / name)} == sent


def attributes_of_the_element() -> list[str]:
    """Return the attributes that the page of the element names."""
    rows = re.findall(r"^\| (`[a-z]+`(?:, `[a-z]+`)*) \| [A-Z]", (DOCS / "element.md").read_text(), re.M)
    return [name for cell in rows for name in re.findall(r"`(\w+)`", cell)]


def test_the_element_has_the_attributes_and_variables_that_its_page_names() -> None:
    text = (DOCS / "element.md").read_text()
    code = "".join(file.read_text() for file in (ROOT / "qa_service/web/static").iterdir() if file.suffix != ".svg")
    named = attributes_of_the_element()
    read = set(re.findall(r"""(?:hasAttribute|getAttribute|text|list)\("(\w+)"\)""", code))
    assert len(named) > 8
    assert set(named) <= read
    assert set(re.findall(r"`(--qa-[a-z-]+)`", text)) <= set(re.findall(r"var\((--qa-[a-z-]+)", code))


def test_typescript_learns_of_each_attribute_in_a_site_of_next_js() -> None:
    declared = re.findall(r"^  (\w+)\?:", (ROOT / "examples/nextjs/qa-chat.d.ts").read_text(), re.M)
    assert set(declared) == {*attributes_of_the_element(), "full"}


def test_the_page_shows_the_example_of_questions_as_it_is() -> None:
    assert (ROOT / "examples/questions.jsonl").read_text() in (DOCS / "performance.md").read_text()


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
