"""A page is fetched within bounds, from the site alone, and a hostile server gets nothing by it."""

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest

from qa_service.crawling.fetching import FetchBounds, Known, PageFetcher
from qa_service.errors import Overloaded
from tests.crawling.websites import WebPage, Website, html, moved, packed
from tests.fakes import refuse_thread
from tests.lateness import Lateness


def fetcher(*, size: int = 100_000, seconds: float = 5.0) -> PageFetcher:
    """Return a fetcher for pages of this machine."""
    return PageFetcher(FetchBounds(size, seconds), lambda address: address == "127.0.0.1")


@pytest.fixture(scope="module")
def site() -> Iterator[Website]:
    with Website(etags=True) as found:
        yield found


def test_a_page_comes_with_its_type_charset_and_version(site: Website) -> None:
    page = WebPage("<p>안녕</p>".encode("cp949"), "text/html; charset=EUC-KR", headers={"X-Robots-Tag": "NoIndex"})
    site.pages["/a"] = page
    got = fetcher().fetch_page(f"{site.url}/a")
    assert (got.outcome, got.content, got.media_type, got.charset.lower(), got.robots) == (
        "fetched",
        page.content,
        "text/html",
        "euc-kr",
        "noindex",
    )
    assert fetcher().fetch_page(f"{site.url}/a", got.known).outcome == "unchanged"
    site.pages["/a"] = html("changed")
    assert fetcher().fetch_page(f"{site.url}/a", got.known).outcome == "fetched"


def test_without_leave_nothing_of_this_machine_is_fetched(site: Website) -> None:
    site.pages["/secret"] = html("secret")
    site.forget()
    got = PageFetcher(FetchBounds()).fetch_page(f"{site.url}/secret")
    assert (got.outcome, got.content) == ("refused", b"")
    assert "/untimed" not in site.paths


def test_a_redirect_is_told_and_not_followed(site: Website) -> None:
    site.pages["/old"] = moved("http://169.254.169.254/latest/meta-data", 301)
    site.pages["/file"] = moved("file:///etc/passwd")
    site.forget()
    got = fetcher().fetch_page(f"{site.url}/old")
    assert (got.outcome, got.target, got.is_lasting) == ("moved", "http://169.254.169.254/latest/meta-data", True)
    assert fetcher().fetch_page(f"{site.url}/file").outcome == "failed"
    assert site.paths == ["/old", "/file"]


@pytest.mark.parametrize("charset", ["utf-8", "euc-kr"])
def test_a_redirect_may_name_its_target_in_letters_that_headers_have_not(site: Website, charset: str) -> None:
    site.pages["/bare"] = answering(b"HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n" % "/휴관?a=%26 b".encode(charset))
    escaped = quote("/휴관", encoding=charset)
    assert fetcher().fetch_page(f"{site.url}/bare").target == f"{site.url}{escaped}?a=%26+b"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(404, "gone"), (410, "gone"), (401, "gone"), (403, "refused"), (429, "failed"), (500, "failed"), (503, "failed")],
)
def test_each_status_says_whether_the_page_is_gone_or_may_be_better_later(
    site: Website, status: int, outcome: str
) -> None:
    site.pages["/status"] = WebPage(status=status, headers={"Retry-After": "7"})
    got = fetcher().fetch_page(f"{site.url}/status")
    assert (got.outcome, got.wait) == (outcome, 7.0)
    assert str(status) in got.reason


def test_a_packed_page_is_unpacked_and_a_bomb_is_not(site: Website) -> None:
    site.pages["/packed"] = packed(html("안녕" * 100))
    site.pages["/bomb"] = WebPage(gzip.compress(bytes(8 << 20), 1), headers={"Content-Encoding": "gzip"})
    assert fetcher().fetch_page(f"{site.url}/packed").content == html("안녕" * 100).content
    got = fetcher(size=1 << 19).fetch_page(f"{site.url}/bomb")
    assert (got.outcome, got.content) == ("unfit", b"")
    site.pages["/odd"] = WebPage(b"xx", headers={"Content-Encoding": "br"})
    assert fetcher().fetch_page(f"{site.url}/odd").outcome == "failed"


def test_what_is_packed_in_members_is_read_to_its_last_byte_and_no_further(site: Website) -> None:
    head, member = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"a" * 1000)
    site.pages |= {"/two": answering(head + member * 2), "/half": answering(head + member[:-9])}
    site.pages["/more"] = answering(head + member + bytes(100))
    assert fetcher().fetch_page(f"{site.url}/two").content == b"a" * 2000
    for path in ("/half", "/more"):
        assert (got := fetcher().fetch_page(site.url + path)).outcome == "failed"
        assert got.content == b""


def test_headers_that_cannot_be_kept_count_as_none(site: Website) -> None:
    head = b'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=a\0b\r\nETag: "a\0b"\r\nLast-Modified: x\r\n y\r\n'
    site.pages["/odd"] = answering(head + b"Content-Length: 2\r\n\r\nhi")
    got = fetcher().fetch_page(f"{site.url}/odd")
    assert (got.outcome, got.charset, got.known) == ("fetched", "", Known())


def test_no_part_of_a_header_that_is_too_long_is_taken_for_the_whole(site: Website) -> None:
    charset = f"Content-Type: text/html; a={'x' * 474}; charset=utf-16\r\n".encode()
    version = b'ETag: "' + b"x" * 600 + b'"\r\nLast-Modified: ' + b"x" * 200 + b"\r\n"
    site.pages["/long"] = answering(OK + charset + version + b"Content-Length: 2\r\n\r\nhi")
    got = fetcher().fetch_page(f"{site.url}/long")
    assert (got.media_type, got.charset, got.known) == ("text/html", "", Known())


def test_a_page_whose_time_cannot_be_kept_is_not_fetched(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_thread)
        with pytest.raises(Overloaded):
            fetcher().fetch_page(f"{site.url}/untimed")
    assert "/untimed" not in site.paths


def test_a_page_that_is_too_large_or_a_picture_is_unfit(site: Website) -> None:
    site.pages["/large"] = html("a" * 200_000)
    site.pages["/picture"] = WebPage(b"\x89PNG", "image/png")
    assert fetcher().fetch_page(f"{site.url}/large").outcome == "unfit"
    assert fetcher().fetch_page(f"{site.url}/picture").reason == "it is image/png"


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte of the headers every twentieth of a second."""
    with suppress(OSError):
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200:
            handler.wfile.write(bytes([letter]))
            time.sleep(0.05)


def drip_lines(handler: BaseHTTPRequestHandler) -> None:
    """Send headers, and then a page whose length isn't announced, and never come to an end."""
    with suppress(OSError):
        for line in (b"HTTP/1.1 200 OK", *(b"X: y" for _ in range(5)), b"", *(b"half" for _ in range(200))):
            handler.wfile.write(line + b"\r\n")
            time.sleep(0.05)


def answering(sent: bytes) -> WebPage:
    """Send these bytes, and close the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(sent)
        handler.connection.shutdown(socket.SHUT_RDWR)

    return WebPage(answer=answer)


def test_a_server_that_drips_is_cut_off_when_the_time_is_over(site: Website) -> None:
    site.pages["/drip"] = WebPage(answer=drip)
    began, late = time.monotonic(), Lateness()
    assert fetcher(seconds=0.3).fetch_page(f"{site.url}/drip").outcome == "failed"
    assert time.monotonic() - began < 2 + late.seconds


@pytest.mark.parametrize("seconds", [0.15, 0.5])
def test_what_came_until_the_time_was_over_is_no_page(site: Website, seconds: float) -> None:
    site.pages["/lines"] = WebPage(answer=drip_lines)
    began, late = time.monotonic(), Lateness()
    got = fetcher(seconds=seconds).fetch_page(f"{site.url}/lines")
    assert time.monotonic() - began < 2 + late.seconds
    assert (got.outcome, got.reason, got.content) == ("failed", "it took too long", b"")


@pytest.mark.parametrize("sent", [b"Content-Length: 100\r\n\r\nonly this", b"Content-Type: text/html\r\nX: "])
def test_half_a_page_is_no_page(site: Website, sent: bytes) -> None:
    site.pages["/cut"] = answering(b"HTTP/1.1 200 OK\r\n" + sent)
    got = fetcher().fetch_page(f"{site.url}/cut")
    assert (got.outcome, got.content) == ("failed", b"")


def test_a_stop_ends_the_page_that_is_being_fetched_and_all_later_ones(site: Website) -> None:
    site.pages["/drip"] = WebPage(answer=drip)
    stopped = fetcher()
    timer = threading.Timer(0.1, stopped.stop_fetching)
    timer.start()
    began, late = time.monotonic(), Lateness()
    assert stopped.fetch_page(f"{site.url}/drip").outcome == "stopped"
    assert time.monotonic() - began < 2 + late.seconds
    site.forget()
    assert stopped.fetch_page(f"{site.url}/a").outcome == "stopped"
    assert site.paths == []


def test_a_stop_ends_a_handshake_that_the_server_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stopped = fetcher()
        threading.Timer(0.1, stopped.stop_fetching).start()
        began, late = time.monotonic(), Lateness()
        assert stopped.fetch_page(f"https://127.0.0.1:{silent.getsockname()[1]}/").outcome == "stopped"
        assert time.monotonic() - began < 2 + late.seconds


def test_a_stop_ends_an_attempt_to_connect() -> None:
    """The queue of a server that accepts nobody is full, so that a further connection waits for its place."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as crowded, ExitStack() as stack:
        place = crowded.getsockname()
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(place)
        stopped = fetcher()
        threading.Timer(0.1, stopped.stop_fetching).start()
        began, late = time.monotonic(), Lateness()
        assert stopped.fetch_page(f"http://127.0.0.1:{place[1]}/").outcome == "stopped"
        assert time.monotonic() - began < 2 + late.seconds


def test_nobody_listening_and_no_such_host_are_failures(site: Website) -> None:
    assert fetcher().fetch_page("http://127.0.0.1:1/").outcome == "failed"
    assert fetcher().fetch_page("http://nowhere.invalid/", Known("x")).reason == "there is no such host"


def flooding(head: bytes, endless: bytes) -> WebPage:
    """Send a head, and then the same bytes for ever."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            handler.connection.sendall(head)
            while True:
                handler.connection.sendall(endless)

    return WebPage(answer=answer)


OK = b"HTTP/1.1 200 OK\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "interim responses": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "trailers": flooding(CHUNKS + b"2\r\nhi\r\n0\r\n", b"a: b\r\n" * 10_000),
    "a line that doesn't end": flooding(CHUNKS + b"1;", b"a" * 60_000 + b"\r\nx\r\n1;"),
    "chunks of one byte": flooding(CHUNKS, b"1\r\na\r\n" * 10_000),
    "members that hold nothing": flooding(GZIP, gzip.compress(b"") * 3000),
    "blocks that hold nothing": flooding(GZIP + gzip.compress(b"")[:10], b"\0\0\0\xff\xff" * 10_000),
    "a name within gzip": flooding(GZIP + b"\x1f\x8b\x08\x08" + bytes(6), b"a" * 60_000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_what_holds_nothing_is_not_read_for_ever(site: Website, flood: str) -> None:
    """The bound of the time alone would let each of them keep a worker busy for this long."""
    site.pages["/flood"] = FLOODS[flood]
    got = PageFetcher(FetchBounds(seconds=60), lambda _: True).fetch_page(f"{site.url}/flood")
    assert got.outcome in ("failed", "unfit")
    assert got.reason != "it took too long"


def test_type_with_endless_parameters_is_read_at_once(site: Website) -> None:
    endless = b'Content-Type: text/html; charset=EUC-KR; a="' + b";" * 65_000
    site.pages["/type"] = answering(OK + endless + b"\r\nContent-Length: 2\r\n\r\nhi")
    began = time.process_time()
    got = fetcher().fetch_page(f"{site.url}/type")
    assert time.process_time() - began < 0.5
    assert (got.content, got.media_type, got.charset) == (b"hi", "text/html", "EUC-KR")


BESIDE = """
from gevent import monkey; monkey.patch_all()
import sys, threading, time
from qa_service.crawling.fetching import FetchBounds, PageFetcher

late, over = [], threading.Event()

def tick():
    while not over.is_set():
        before = time.process_time()  # by the clock, another process's work would count too
        time.sleep(0.005)
        late.append(time.process_time() - before)

ticker = threading.Thread(target=tick)
ticker.start()
print(PageFetcher(FetchBounds(seconds=20), lambda _: True).fetch_page(sys.argv[1]).outcome)
over.set()
ticker.join()
print(max(late))
"""


@pytest.mark.parametrize("flood", FLOODS)
def test_whoever_sends_without_a_pause_holds_up_no_other_request(site: Website, flood: str) -> None:
    site.pages["/flood"] = FLOODS[flood]
    command = [sys.executable, "-c", BESIDE, f"{site.url}/flood"]
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[2]
    )
    outcome, latest = said.stdout.split()
    assert outcome in ("failed", "unfit")
    assert float(latest) < 0.3
