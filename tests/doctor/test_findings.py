"""These tests show what findings say: every one in both languages, with its facts, and with lines that mend it."""

import re
from pathlib import Path
from string import Formatter

import pytest

import qa_service.doctor
from qa_service.doctor.findings import make_finding, read_kinds
from qa_service.doctor.stream_checks import NEEDED

SOURCES = "".join(file.read_text() for file in Path(qa_service.doctor.__file__).parent.glob("*.py"))


def fields(text: str) -> set[str]:
    """Return the facts that a sentence names."""
    return {field for _, field, _, _ in Formatter().parse(text) if field}


class TestTable:
    def test_has_every_finding_and_no_other(self) -> None:
        named = set(re.findall(r'(?:\bmake_finding|\bplace)\(\s*"(\w+)"', SOURCES))
        assert named <= read_kinds().keys()
        assert {code for code in read_kinds() if f'"{code}"' not in SOURCES} == set()

    @pytest.mark.parametrize("code", read_kinds())
    def test_says_the_same_in_both_languages(self, code: str) -> None:
        kind = read_kinds()[code]
        assert {field.removesuffix("_ko") for field in fields(kind.ko)} == fields(kind.en)
        assert re.search("[가-힣]", kind.ko)
        assert "(으)" not in kind.ko
        assert kind.en.endswith((".", "{detail}"))

    def test_needs_something_that_mends_what_proxies_do(self) -> None:
        by_hand = {"refused", "redirected", "stream_changed", "stopping", "silent", "not_http", "name_unknown"}
        by_hand |= {"nobody_listens", "unreachable", "unauthenticated"}
        bare = {code for code, kind in read_kinds().items() if kind.gravity != "good" and not kind.mend}
        assert bare == by_hand


class TestFinding:
    def test_has_its_facts_in_its_sentence_and_in_what_mends_it(self) -> None:
        limit = make_finding(
            "body_limit",
            refused="2 MiB",
            status=413,
            passed="1 MiB",
            passed_bytes=1 << 20,
            most="64 MiB",
            mebibytes=64,
            bytes=64 << 20,
        )
        assert "413" in limit.write_sentence("en")
        assert "413" in limit.write_sentence("ko")
        mends = limit.list_mends()
        assert mends["nginx"] == "client_max_body_size 64m;"
        assert mends["Caddy"] == "request_body { max_size 64MiB }"
        assert mends["qa-service"].startswith("QA_MAX_BODY=1048576 ")

    @pytest.mark.parametrize("header", NEEDED)
    def test_of_a_lost_header_says_what_it_is_for(self, header: str) -> None:
        purpose, purpose_ko = NEEDED[header]
        facts = {"header": header, "purpose": purpose, "purpose_ko": purpose_ko, "variable": "a", "environment": "A"}
        lost = make_finding("header_lost", **facts)
        assert purpose in lost.write_sentence("en")
        assert purpose_ko in lost.write_sentence("ko")
        assert lost.list_mends()["nginx"] == f"proxy_set_header {header} $http_a;"

    def test_begins_with_what_mends_the_server_that_is_there(self) -> None:
        assert next(iter(make_finding("buffered", seconds=4.0).list_mends("Caddy 1.1 nginx"))) == "nginx"
        assert next(iter(make_finding("buffered", seconds=4.0).list_mends("Apache/2.4.62 (Debian)"))) == "Apache"
        assert next(iter(make_finding("buffered", seconds=4.0).list_mends())) == "nginx"
