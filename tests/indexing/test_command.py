"""The command `index` brings what it is given, says what became of it, and can be ended at any moment."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from qa_service.arguments import build_parser
from qa_service.crawling.sites import Sites
from qa_service.indexing.order import IndexOrder, read_order
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey
from qa_service.knowledge.keeper import lock_indexing
from qa_service.knowledge.library import DocumentFilter, Library
from qa_service.settings import SettingsError
from tests.crawling.websites import WebPage, Website, html, links
from tests.documents import pdf
from tests.knowledge.shelf import ask, counts_agree, texts_of

# Sites of this machine are read, which no setting allows.
PROGRAM = """
import sys
from qa_service.arguments import build_parser
from qa_service.crawling.site_reader import Reach
from qa_service.indexing.command import index_sources
from qa_service.indexing.order import read_order
from qa_service.settings import from_environment
reach = Reach(lambda address: address == "127.0.0.1", delay=float(sys.argv[1]))
index_sources(from_environment(), read_order(build_parser().parse_args(sys.argv[2:])), reach)
"""
Index = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def index(knowledge: Database, knowledge_url: str, tmp_path: Path) -> Index:
    """Return a function that starts the command with its arguments."""
    environment = {
        **os.environ,
        "QA_DATABASE_URL": knowledge_url,
        "QA_DATA": str(tmp_path / "data"),
        "QA_SEMANTIC": "off",
        "LC_ALL": "C.UTF-8",
    }

    def start(*arguments: str, delay: float = 0.0) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(delay), "index", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def finish(command: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    """Return the status of the command, and the lines that it printed."""
    said, _ = command.communicate(timeout=90)
    return command.returncode, said.splitlines()


def make_site() -> Website:
    """Return a site of three pages and a document."""
    return Website(
        {
            "/": links("/a", "/b", "/guide.pdf"),
            "/a": html("<h1>대출</h1><p>책은 다섯 권까지 빌릴 수 있습니다.</p>"),
            "/b": html("<h1>Hours</h1><p>The library opens at nine.</p>"),
            "/guide.pdf": WebPage(pdf(["The reading room closes at eight."]), "application/pdf"),
        }
    )


def test_a_folder_a_site_and_what_is_wrong_are_brought_by_one_command(
    index: Index, knowledge: Database, tmp_path: Path
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "연체.txt").write_text("연체료는 하루에 백 원입니다.")
    with make_site() as site:
        status, said = finish(index(str(tmp_path / "notes"), site.url, str(tmp_path / "none")))
        assert status == 1
        assert said[-1] == "5 read, 1 failed"
        assert f"{site.url}/guide.pdf: read" in said
        assert any(line.endswith("none: failed (no such file or folder)") for line in said)
        assert texts_of(ask(knowledge, "다섯 권까지 빌릴"))[0].startswith("대출")
        assert texts_of(ask(knowledge, "reading room closes"))[0].startswith("The reading room closes at eight.")
        assert counts_agree(knowledge)

        del site.pages["/b"]
        (tmp_path / "notes" / "연체.txt").unlink()
        status, said = finish(index(str(tmp_path / "notes"), site.url))
        assert (status, said[-1]) == (0, "3 read, 1 removed")
        assert not any("nine" in text for text in texts_of(ask(knowledge, "opens at nine")))


def wait_for_pages(knowledge: Database, count: int) -> None:
    until = time.monotonic() + 30
    while len(Library(knowledge).list_documents(DocumentFilter())[0]) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_command_that_was_killed_goes_on_where_it_was(index: Index, knowledge: Database) -> None:
    with make_site() as site:
        killed = index(site.url, delay=0.4)
        wait_for_pages(knowledge, 1)
        killed.kill()
        finish(killed)
        assert counts_agree(knowledge)
        with knowledge.transaction() as connection:  # this is as if the leases had run out
            connection.run("update site set lease = now()")
            connection.run("update document set lease = now()")
            settled = connection.run("select address from site_page where round = 1")
        site.forget()
        assert finish(index(site.url))[1][-1] == "4 read"
        # The site was brought again, so that the next round, which asks for all pages, may have begun by the end.
        this_round = " ".join(site.paths).split("/robots.txt")[1].split()
        asked_again = [path for path in this_round if path != "/" and [site.url + path] in settled]
        assert asked_again == []
        assert counts_agree(knowledge)


def test_another_indexer_of_the_machine_is_waited_for_until_ctrl_c(
    index: Index, knowledge: Database, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("연체료는 하루에 백 원입니다.")
    (tmp_path / "data").mkdir()
    lock = lock_indexing(tmp_path / "data")
    assert lock
    with lock:
        waiting = index(str(tmp_path / "note.txt"))
        wait_for_pages(knowledge, 1)
        time.sleep(0.5)
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGINT)
        status, said = finish(waiting)
        assert (status, said[-1].partition(".")[0]) == (130, "Stopped")
    (tmp_path / "other.txt").write_text("The library opens at nine.")
    status, said = finish(index(str(tmp_path / "note.txt"), str(tmp_path / "other.txt")))
    assert (status, said[-1]) == (0, "1 read, 1 unchanged")
    assert counts_agree(knowledge)
    assert texts_of(ask(knowledge, "연체료"))


def test_ctrl_c_while_a_page_is_fetched_lets_the_site_be_read_elsewhere_at_once(
    index: Index, knowledge: Database
) -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(60)

    with make_site() as site:
        site.pages["/b"] = WebPage(answer=hang)
        waiting = index(site.url)
        assert asked.wait(30)
        waiting.send_signal(signal.SIGINT)
        status, said = finish(waiting)
        over.set()
        assert (status, said[-1].partition(".")[0]) == (130, "Stopped")
        assert Sites(knowledge).claim_site()


OPTIONS = [
    ("--every", "often"),
    ("--every", "5s"),
    ("--every", "12h"),
    ("--collection", "no spaces"),
    ("--name", "a/b"),
]


@pytest.mark.parametrize(("option", "value"), OPTIONS)
def test_impossible_options_are_refused_by_name(option: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{option}"):
        read_order(build_parser().parse_args(["index", "handbook", option, value]))


@pytest.mark.parametrize("words", [["https://a.example", "handbook"], ["https://a.example", "--page"], ["notes.md"]])
def test_only_sites_are_read_again(words: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"^--every: .*again"):
        read_order(build_parser().parse_args(["index", *words, "--every", "1d"]))


def test_an_order_says_what_the_command_line_says() -> None:
    words = ["index", "a", "b", "--page", "--collection", "c", "--include", "x*", "--exclude", "y*"]
    assert read_order(build_parser().parse_args(words)) == IndexOrder(
        ("a", "b"), CollectionKey("", "c"), ("x*",), ("y*",), single=True
    )
    words = ["index", "https://a.example/", "http://b.example", "--every", "12h"]
    assert read_order(build_parser().parse_args(words)).every == 43_200.0
