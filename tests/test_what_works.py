"""README and `docs/embedding.md` say which client, site and proxy can do what, and each of their cells is a test."""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import pytest

from tests.hosts.attacks import ForeignPages, LoginAttacks, TokenAttacks
from tests.hosts.host import HostContract
from tests.samples import ROOT

YES, NO = "✓", "–"
HOSTS: Mapping[str, str] = {
    "Flask, eight workers": "test_flask.TestSite",
    "Django, by its own view": "test_django.TestSite",
    "Next.js, App Router": "test_nextjs.TestAppRouter",
    "Next.js, Pages Router": "test_nextjs.TestPagesRouter",
    "Next.js, a rewrite": "test_nextjs.TestRewrite",
    "Express": "test_express.TestExpress",
    "PHP-FPM behind nginx": "test_php.TestProcessManager",
    "WordPress behind nginx": "test_wordpress.TestPlugin",
    "PHP's own server": "test_php.TestOwnServer",
    "nginx": "test_nginx.TestPlainExample",
    "nginx with a login": "test_nginx.TestLoginExample",
    "nginx that buffers and compresses": "test_nginx.TestDefaultBufferingAndCompression",
    "nginx, TLS and HTTP/2": "test_nginx_hops.TestEncrypted",
    "nginx behind nginx": "test_nginx_hops.TestTwoHops",
    "Apache, with all that Debian enables": "test_apache.TestPlain",
    "Apache with a login": "test_apache.TestLogins",
    "Caddy": "test_caddy.TestPlain",
    "Caddy with a login": "test_caddy.TestLogins",
}
"""These are the rows of the table in `docs/embedding.md`, and the class in `tests/hosts` that tries each."""
PROMISES = [
    HostContract.test_question_with_files_arrives_whole,
    HostContract.test_text_is_passed_on_while_it_is_written,
    HostContract.test_heartbeats_are_passed_on_while_nothing_is_written,
    HostContract.test_reader_who_was_cut_off_gets_the_rest,
    HostContract.test_stop_reaches_the_model,
    HostContract.test_reader_who_hangs_up_is_noticed,
    HostContract.test_refusal_keeps_its_status_and_its_words,
]
"""These are the first columns of that table. The last two are attacks."""
GROUPS: Sequence[Sequence[str]] = [
    [*list(HOSTS)[:4], *list(HOSTS)[5:9]],
    ["nginx", "nginx with a login", "nginx behind nginx", "nginx, TLS and HTTP/2"],
    ["nginx that buffers and compresses"],
    list(HOSTS)[-4:],
]
"""These are the rows of README's table of sites and proxies. Each stands for several rows of the other one."""
ASKED_FOR = [0, 1, 3, 4, 7]
"""These are the columns of the other table that README's has."""
QA_CHAT = (
    "live/test_page.py: test_shows_the_text_and_the_file_it_came_from",
    "live/test_page.py: test_is_seen_before_it_is_whole",
    "live/test_page_cuts.py: test_three_times_in_an_answer_changes_nothing_in_it",
    "live/test_page.py: test_can_be_stopped_with_escape",
)
JS = (
    "clients/js.mjs: asks with a file and streams",
    "clients/js.mjs: asks with a file and streams",
    "clients/js.mjs: reads answers through random cuts, each whole and paid once",
    "clients/js.mjs: stops an answer while its connection is lost",
)
PHONES = (
    "installing/test_phone_clients.py: test_an_upload_that_is_cut_is_sent_again_and_asked_once",
    "installing/test_phone_clients.py: test_an_answer_survives_cuts_whole_and_is_paid_once",
    "installing/test_phone_clients.py: test_an_answer_survives_cuts_whole_and_is_paid_once",
    "installing/test_phone_clients.py: test_an_answer_stops_when_told",
)
FETCH = (
    "clients/readers.mjs: ${name} asks with a file and streams",
    "clients/readers.mjs: ${name} asks with a file and streams",
    "clients/readers.mjs: ${name} comes back after a cut",
    "clients/readers.mjs: ${name} stops",
)
PROGRAMS = (
    "live/test_programs.py: test_a_program_asks_with_a_file_and_comes_back_after_a_cut",
    "live/test_programs.py: test_a_program_asks_with_a_file_and_comes_back_after_a_cut",
    "live/test_programs.py: test_a_program_asks_with_a_file_and_comes_back_after_a_cut",
    "live/test_programs.py: test_a_program_stops_an_answer_and_shows_an_error",
)
EVENT_SOURCE = (
    NO,
    "clients/readers.mjs: eventsource asks and streams",
    "clients/readers.mjs: eventsource comes back by itself after a cut, and stops at the end",
    "clients/readers.mjs: eventsource stops",
)
USE_CHAT = (
    "clients/ai-sdk.mjs: asks with a file and streams into one message",
    "clients/ai-sdk.mjs: asks with a file and streams into one message",
    "clients/ai-sdk.mjs: comes back after a cut and has every word once",
    "clients/ai-sdk.mjs: stops",
)
RESPONSES = (
    "clients/responses.mjs: openai-node asks with a file and streams",
    "clients/responses.mjs: openai-node asks with a file and streams",
    "clients/responses.mjs: openai-node comes back after a cut",
    "clients/responses.mjs: openai-node stops",
)
COMPLETIONS = (
    "clients/completions.mjs: openai-node asks with a file and streams",
    "clients/completions.mjs: openai-node asks with a file and streams",
    NO,
    "clients/completions.mjs: openai-node stops",
)
AG_UI = ("clients/ag-ui.mjs: asks with a file and streams",) * 2 + (NO, "clients/ag-ui.mjs: stops")
CLIENTS = [[QA_CHAT, JS], [PHONES], [FETCH, PROGRAMS], [EVENT_SOURCE], [USE_CHAT], [RESPONSES], [COMPLETIONS, AG_UI]]
"""These are the rows of README's table of clients, and for each client in a row the tests of its cells."""


def read_tables(page: Path) -> list[list[list[str]]]:
    """Return the tables of a page whose cells say yes or no: their rows without the heading, each with its name
    first."""
    tables = re.findall(r"(?:^\|.*\n)+", page.read_text(), re.M)
    cells = [[[cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()[2:]] for table in tables]
    return [rows for rows in cells if all(set(row[1:]) <= {YES, NO} for row in rows)]


def say(works: bool) -> str:
    return YES if works else NO


def tried(name: str) -> list[str]:
    """Return what a row of the table of hosts has to say, by what its class tries."""
    module, _, title = HOSTS[name].partition(".")
    host = getattr(import_module(f"tests.hosts.{module}"), title)
    promises = [getattr(host, promise.__name__, None) is promise for promise in PROMISES]
    return [
        say(each) for each in (*promises, issubclass(host, ForeignPages), issubclass(host, LoginAttacks | TokenAttacks))
    ]


def is_there(test: str) -> bool:
    """Tell whether a file below `tests` has a test, which is a function of pytest's or a check that Node runs."""
    file, _, name = test.partition(": ")
    text = (ROOT / "tests" / file).read_text()
    return any(begin + name + end in text for begin, end in (("def ", "("), ('async "', '"('), ("async [`", "`](")))


@pytest.mark.parametrize("language", ["", ".ko"])
def test_each_cell_of_the_table_of_hosts_is_a_test(language: str) -> None:
    [rows] = read_tables(ROOT / f"docs/embedding{language}.md")
    assert [cells for _, *cells in rows] == [tried(name) for name in HOSTS]


def test_the_table_of_hosts_has_their_names() -> None:
    [rows] = read_tables(ROOT / "docs/embedding.md")
    assert [name for name, *_ in rows] == list(HOSTS)


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_each_cell_of_the_tables_in_the_readme_is_a_test(name: str) -> None:
    clients, hosts = read_tables(ROOT / name)
    for (_, *cells), row in zip(clients, CLIENTS, strict=True):
        assert all(test == NO or is_there(test) for client in row for test in client), row
        assert all([say(test != NO) for test in client] == cells for client in row), row
    for (_, *cells), group in zip(hosts, GROUPS, strict=True):
        assert all([tried(host)[column] for column in ASKED_FOR] == cells for host in group), group
