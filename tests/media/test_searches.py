"""Search services are asked as their documentation says, and whatever they answer becomes results or one error."""

import logging
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from qa_service.errors import SearchFailed
from qa_service.frames import ImageResult, VideoResult
from qa_service.interfaces import MediaQuery, MediaSearch
from qa_service.media.fetching import MOST_FETCHED
from qa_service.media.google import GoogleImageSearch
from qa_service.media.linked import LONGEST_RESULT_TITLE
from qa_service.media.youtube import YouTubeSearch
from qa_service.storable import storable
from tests.lateness import Lateness
from tests.media.search_services import NOTHING, PICTURES, QUOTA, VIDEOS, SearchServices

KEY = "AIza-secret-key"
QUERY = MediaQuery("배터리 & 충전기?", "ko")


@pytest.fixture
def services() -> Iterator[SearchServices]:
    with SearchServices() as started:
        yield started


def youtube(services: SearchServices, seconds: float = 5) -> YouTubeSearch:
    return YouTubeSearch(KEY, address=services.url, seconds=seconds)


def google(services: SearchServices, seconds: float = 5) -> GoogleImageSearch:
    return GoogleImageSearch(KEY, "engine:1", address=services.url, seconds=seconds)


class TestYouTube:
    def test_videos_come_with_title_thumbnail_and_channel(self, services: SearchServices) -> None:
        services.answer = VIDEOS
        first, second = youtube(services).find_media(QUERY)
        assert first == VideoResult(
            "kVo_wMJ9-3Q",
            "전기밥솥 & 배터리 '초간단' 정리",
            "https://www.youtube.com/watch?v=kVo_wMJ9-3Q",
            thumbnail="https://i.ytimg.com/vi/kVo_wMJ9-3Q/mqdefault.jpg",
            channel='살림 "연구소"',
        )
        assert second.thumbnail == "https://i.ytimg.com/vi/a1b2C3d4E5_/hqdefault.jpg"

    def test_it_is_asked_for_a_few_videos_in_the_language_of_the_question(self, services: SearchServices) -> None:
        youtube(services).find_media(QUERY)
        assert services.last == {
            "part": "snippet",
            "type": "video",
            "maxResults": "5",
            "safeSearch": "moderate",
            "relevanceLanguage": "ko",
            "q": QUERY.text,
            "key": KEY,
        }

    @pytest.mark.parametrize("odd", ["", "../../evil", 'x"><script>', "abcdefghijk\n"])
    def test_what_is_no_id_of_a_video_is_passed_over(self, services: SearchServices, odd: str) -> None:
        services.answer = {"items": [{"id": {"videoId": odd}, "snippet": {"title": "Cats"}}]}
        assert youtube(services).find_media(QUERY) == []


class TestGoogle:
    def test_pictures_come_with_title_thumbnail_and_the_host_that_shows_them(self, services: SearchServices) -> None:
        services.answer = PICTURES
        assert google(services).find_media(QUERY) == [
            ImageResult(
                "배터리 구조",
                "https://img.example/%EB%B0%B0%ED%84%B0%EB%A6%AC.jpg",
                thumbnail="https://encrypted-tbn0.gstatic.com/images?q=tbn:abc&s",
                source="page.example",
            ),
            ImageResult("Bare", "https://img.example/b.png", "https://img.example/b.png", ""),
        ]

    def test_it_is_asked_for_a_few_pictures_of_the_sites_engine(self, services: SearchServices) -> None:
        google(services).find_media(QUERY)
        assert services.last == {
            "searchType": "image",
            "num": "5",
            "safe": "active",
            "hl": "ko",
            "q": QUERY.text,
            "cx": "engine:1",
            "key": KEY,
        }


class MediaSearchContract:
    """A `MediaSearchContract` has what every `MediaSearch` promises. `make_search` makes one that a service answers in
    this way, and `titled` makes one result with a title, as the service writes it."""

    make_search: Callable[[SearchServices, float], MediaSearch]
    answer: object
    titled: Callable[[str], object]

    def test_what_it_finds_can_be_kept(self, services: SearchServices) -> None:
        services.answer = self.answer
        found = self.make_search(services, 5).find_media(QUERY)
        assert found
        assert [storable(media) for media in found] == list(found)

    def test_finding_nothing_is_no_failure(self, services: SearchServices) -> None:
        services.answer = NOTHING
        assert list(self.make_search(services, 5).find_media(QUERY)) == []

    @pytest.mark.parametrize(
        ("status", "answer", "said"),
        [
            (403, QUOTA, "it answered 403 quotaExceeded"),
            (400, {"error": {"errors": [{"reason": f"keyInvalid {KEY}"}]}}, "it answered 400"),
            (500, b"<html>", "it answered 500"),
            (200, b"{", "its answer can't be read"),
            (200, {"items": [{"id": 5, "title": 5}], "kind": KEY}, "its answer can't be read"),
            (200, b'{"items": "\xff"}', "its answer can't be read"),
            (200, b" " * (MOST_FETCHED + 1), "its answer is too long or takes too long"),
        ],
    )
    def test_a_refusal_is_one_error_without_the_key(
        self, services: SearchServices, status: int, answer: object, said: str
    ) -> None:
        services.status, services.answer = status, answer
        with pytest.raises(SearchFailed) as failed:
            self.make_search(services, 5).find_media(QUERY)
        assert str(failed.value) == said
        assert KEY not in repr(failed.value)

    def test_titles_are_cut_where_they_are_too_long_for_a_frame(self, services: SearchServices) -> None:
        services.answer = {"items": [self.titled("가" * (LONGEST_RESULT_TITLE + 1))]}
        (found,) = self.make_search(services, 5).find_media(QUERY)
        assert found.title == "가" * LONGEST_RESULT_TITLE

    @pytest.mark.parametrize("fault", ["hang up", "cut", "drip"])
    def test_a_broken_or_slow_service_is_one_error_in_time(self, services: SearchServices, fault: str) -> None:
        services.answer, services.fault = self.answer, fault
        began, late = time.monotonic(), Lateness()
        with pytest.raises(SearchFailed) as failed:
            self.make_search(services, 0.2).find_media(QUERY)
        assert time.monotonic() - began < 2 + late.seconds
        assert KEY not in str(failed.value)

    def test_a_silent_service_is_one_error_in_time(self, services: SearchServices) -> None:
        services.seconds = 0.5
        with pytest.raises(SearchFailed):
            self.make_search(services, 0.1).find_media(QUERY)

    def test_a_service_that_cannot_be_reached_is_one_error(self, services: SearchServices) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            closed = f"http://127.0.0.1:{taken.getsockname()[1]}/search"
            with pytest.raises(SearchFailed):
                self.make_search(_Elsewhere(closed), 1).find_media(QUERY)


class _Elsewhere:
    def __init__(self, url: str) -> None:
        self.url = url


class TestYouTubeContract(MediaSearchContract):
    make_search = staticmethod(youtube)
    answer = VIDEOS
    titled = staticmethod(lambda title: {"id": {"videoId": "a1b2C3d4E5_"}, "snippet": {"title": title}})


class TestGoogleContract(MediaSearchContract):
    make_search = staticmethod(google)
    answer = PICTURES
    titled = staticmethod(lambda title: {"link": "https://img.example/a.png", "title": title})


def test_a_redirect_is_not_followed(services: SearchServices) -> None:
    with SearchServices() as inside:
        inside.answer = PICTURES
        services.status, services.location = 302, inside.url
        with pytest.raises(SearchFailed, match="it answered 302"):
            google(services).find_media(QUERY)
        assert inside.asked == []


def test_no_log_line_has_the_key(services: SearchServices, caplog: pytest.LogCaptureFixture) -> None:
    services.status, services.answer = 403, QUOTA
    caplog.set_level(logging.DEBUG)
    for search in (youtube(services), google(services)):
        with pytest.raises(SearchFailed):
            search.find_media(QUERY)
        assert KEY not in repr(search)
    assert KEY not in caplog.text
