"""Addresses of pictures: whose they are, and for how long."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from qa_service.picture_links import PictureLinks
from tests.fakes import ANN

NOW = 1_000_000.0
LINKS = PictureLinks("secret", 60, clock=lambda: NOW)
LATER = PictureLinks("secret", 60, clock=lambda: NOW + 61)


def query(links: PictureLinks = LINKS, version: int = 0) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(links.sign_link(ANN, "a1", 2, version)).query))


def test_it_leads_to_the_picture_of_its_owner() -> None:
    assert urlsplit(LINKS.sign_link(ANN, "a1", 2, 0)).path == "answers/a1/images/2"
    owner = LINKS.find_owner(query(), "a1", 2)
    assert owner is not None
    assert owner.key == ANN.key


def test_it_expires() -> None:
    assert LATER.find_owner(query(), "a1", 2) is None


def test_each_version_has_its_own() -> None:
    assert query(version=0) != query(version=1)


@pytest.mark.parametrize(("answer_id", "index"), [("a2", 2), ("a1", 3)])
def test_it_opens_no_other_picture(answer_id: str, index: int) -> None:
    assert LINKS.find_owner(query(), answer_id, index) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"owner": "b" * 32},
        {"expires": "9999999999"},
        {"expires": ""},
        {"expires": "-1"},
        {"expires": "٣" * 10},
        {"expires": "9" * 5000},
        {"signature": ""},
        {"signature": "0" * 32},
        {"signature": "\udc80"},
    ],
)
def test_whoever_changes_it_gets_nothing(changed: dict[str, str]) -> None:
    assert LINKS.find_owner({**query(), **changed}, "a1", 2) is None


def test_another_server_signs_otherwise() -> None:
    assert PictureLinks("other", 60, clock=lambda: NOW).find_owner(query(), "a1", 2) is None


def test_an_empty_query_is_nobodys() -> None:
    assert LINKS.find_owner({}, "a1", 2) is None
