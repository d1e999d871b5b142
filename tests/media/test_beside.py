"""Searches run beside an answer: what they find in time is told with it, and nothing that they do holds it up."""

import threading
import time
from collections.abc import Iterator

import pytest

from qa_service.deltas import Annotation, PagesFound, TextDelta
from qa_service.errors import UpstreamUnavailable
from qa_service.frames import ImageResult, Metadata
from qa_service.interfaces import MediaQuery
from qa_service.media.beside import LONGEST_QUERY, MOST_RUNNING, MediaSearches
from qa_service.media.google import GoogleImageSearch
from qa_service.media.youtube import YouTubeSearch
from qa_service.running.stop import StopSignal
from tests.answers import frames, metadata
from tests.fakes import STOPPED, FakeUpstream, parts
from tests.lateness import Lateness
from tests.media.search_services import PICTURES, QUOTA, VIDEOS, SearchServices

KEY = "AIza-secret-key"
QUERY = MediaQuery("배터리", "ko")
DONE_LATER = 1.0
"""No search may make an answer end this many seconds later."""


@pytest.fixture
def videos() -> Iterator[SearchServices]:
    with SearchServices(VIDEOS) as started:
        yield started


@pytest.fixture
def pictures() -> Iterator[SearchServices]:
    with SearchServices(PICTURES) as started:
        yield started


def searches(videos: SearchServices, pictures: SearchServices | None = None, **options: float) -> MediaSearches:
    services = [YouTubeSearch(KEY, address=videos.url)]
    others = [GoogleImageSearch(KEY, "engine", address=pictures.url)] if pictures else []
    return MediaSearches([*services, *others], **options)


class TestSearches:
    def test_all_services_are_asked_at_once(self, videos: SearchServices, pictures: SearchServices) -> None:
        videos.seconds = pictures.seconds = 0.4
        began, late = time.monotonic(), Lateness()
        known = searches(videos, pictures)
        found = known.gather_results(known.begin_searches(QUERY))
        assert time.monotonic() - began < 0.79 + late.seconds
        assert [media.title for media in found][2:] == ["배터리 구조", "Bare"]

    def test_what_takes_too_long_is_given_up_once_for_all(
        self, videos: SearchServices, pictures: SearchServices, caplog: pytest.LogCaptureFixture
    ) -> None:
        videos.seconds = pictures.seconds = 0.5
        known = searches(videos, pictures, patience=0.05)
        begun, began, late = known.begin_searches(QUERY), time.monotonic(), Lateness()
        assert known.gather_results(begun) == []
        assert time.monotonic() - began < 0.3 + late.seconds
        assert [record.getMessage() for record in caplog.records] == [
            "the search at YouTube took too long",
            "the search at Google took too long",
        ]

    def test_a_failure_is_logged_and_the_others_are_told(
        self, videos: SearchServices, pictures: SearchServices, caplog: pytest.LogCaptureFixture
    ) -> None:
        videos.status, videos.answer = 403, QUOTA
        known = searches(videos, pictures)
        assert len(known.gather_results(known.begin_searches(QUERY))) == 2
        assert caplog.messages == ["the search at YouTube failed: it answered 403 quotaExceeded"]
        assert KEY not in caplog.text

    def test_what_cannot_be_kept_is_a_failure_too(self, caplog: pytest.LogCaptureFixture) -> None:
        class Careless:
            name = "careless"

            def find_media(self, query: MediaQuery) -> list[ImageResult]:
                return [ImageResult("\ud83d", "https://a.example/a.png", "", "a.example")]

        known = MediaSearches([Careless()])
        assert known.gather_results(known.begin_searches(QUERY)) == []
        assert "the search at careless failed" in caplog.text

    def test_a_long_question_is_cut(self, videos: SearchServices) -> None:
        known = searches(videos)
        known.gather_results(known.begin_searches(MediaQuery("긴 " * 1000)))
        assert len(videos.last["q"]) <= LONGEST_QUERY

    def test_a_silent_service_gathers_no_threads(
        self, videos: SearchServices, caplog: pytest.LogCaptureFixture
    ) -> None:
        videos.seconds = 1
        known = searches(videos, patience=0)
        begun = [search for _ in range(MOST_RUNNING + 5) for search in known.begin_searches(QUERY)]
        assert len(begun) == MOST_RUNNING
        assert caplog.messages == [f"YouTube isn't searched, since {MOST_RUNNING} searches run there already"] * 5

    def test_a_search_that_is_over_makes_room(self, videos: SearchServices) -> None:
        known = searches(videos)
        for _ in range(MOST_RUNNING + 5):
            assert known.gather_results(known.begin_searches(QUERY))


class TestAnswers:
    def test_the_metadata_lists_what_was_found(self, videos: SearchServices, pictures: SearchServices) -> None:
        told = metadata(frames(parts(media=searches(videos, pictures)), "배터리?", web_search=True))
        assert [video.channel for video in told.video_results] == ['살림 "연구소"', "Lab"]
        assert [image.source for image in told.image_results] == ["page.example", ""]
        assert videos.last["q"] == "배터리?"

    def test_without_web_search_nobody_is_told_the_question(self, videos: SearchServices) -> None:
        told = metadata(frames(parts(media=searches(videos)), "배터리?"))
        assert (told.video_results, videos.asked) == ((), [])

    def test_a_service_is_asked_before_upstream_has_said_a_word(self, videos: SearchServices) -> None:
        asked = threading.Event()

        class Watching(FakeUpstream):
            def open_answer(self, prompt, stop):
                while not videos.asked:
                    time.sleep(0.001)
                asked.set()
                return super().open_answer(prompt, stop)

        frames(parts(Watching(), media=searches(videos)), web_search=True)
        assert asked.is_set()

    def test_a_slow_service_delays_the_end_by_less_than_a_second(self, videos: SearchServices) -> None:
        videos.seconds = 1.5
        began, late = time.monotonic(), Lateness()
        told = metadata(frames(parts(media=searches(videos)), web_search=True))
        assert time.monotonic() - began < DONE_LATER + late.seconds
        assert told.video_results == ()

    def test_an_answer_that_failed_waits_for_nobody(self, videos: SearchServices) -> None:
        videos.seconds = 1
        began, late = time.monotonic(), Lateness()
        upstream = FakeUpstream([TextDelta("Half"), UpstreamUnavailable("gone")])
        frames(parts(upstream, media=searches(videos)), web_search=True)
        assert time.monotonic() - began < 0.5 + late.seconds

    def test_an_answer_that_was_stopped_waits_for_nobody(self, videos: SearchServices) -> None:
        videos.seconds = 1
        stop = StopSignal()
        stop.set("cancelled")
        began, late = time.monotonic(), Lateness()
        frames(
            parts(FakeUpstream([TextDelta("a"), threading.Event()]), media=searches(videos)), stop=stop, web_search=True
        )
        assert time.monotonic() - began < 0.5 + late.seconds


class TestLinks:
    """Without any key, the links of the answer and of its sources are enough."""

    def told(self, *deltas: TextDelta | Annotation | PagesFound) -> Metadata:
        return metadata(frames(parts(FakeUpstream([*deltas, STOPPED]))))

    def test_a_link_in_the_text_is_a_result(self) -> None:
        text = "![하늘](https://a.example/sky.png) [보기](https://youtu.be/kVo_wMJ9-3Q) https://b.example/c.jpg."
        told = self.told(TextDelta(text))
        assert [image.url for image in told.image_results] == ["https://a.example/sky.png", "https://b.example/c.jpg"]
        assert [(video.id, video.title) for video in told.video_results] == [("kVo_wMJ9-3Q", "보기")]

    def test_a_source_of_the_answer_is_a_result(self) -> None:
        note = Annotation("url", title="정리 - YouTube", url="https://www.youtube.com/watch?v=kVo_wMJ9-3Q")
        pages = PagesFound(("https://youtu.be/a1b2C3d4E5_", "https://c.example", "javascript:alert(1)"))
        told = self.told(pages, TextDelta("본문"), note)
        assert [video.id for video in told.video_results] == ["kVo_wMJ9-3Q", "a1b2C3d4E5_"]
        assert told.video_results[0].title == "정리"

    def test_a_link_in_code_is_no_result(self) -> None:
        assert self.told(TextDelta("`https://a.example/sky.png`")).image_results == ()
