"""These tests show what the Protocols promise. Where a Protocol has several implementations, stand-ins of the tests
among them, one suite holds all of them to it. The suite stands here, or beside the tests of an implementation.

`test_suites.py` shows that no implementation is without a suite, and says which stand-ins need none.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis import Redis

from qa_service.answering import AnswerLine
from qa_service.deltas import Finished, TextDelta
from qa_service.desk import Room
from qa_service.errors import Busy, Draining, Unreadable
from qa_service.file_news import FileBegin, FileEnd, FileText, ReadPicture
from qa_service.files.isolation import ChildReaders
from qa_service.files.limits import ProcessLimits
from qa_service.files.parsed import DOCUMENT_PAGE
from qa_service.frames import Done, Start, Text
from qa_service.interfaces import (
    Allowance,
    AnswerSoFar,
    AnswerWriter,
    Arrivals,
    Claim,
    Counted,
    DriftDetector,
    FileReader,
    FileStore,
    Limiter,
    Meter,
    PictureStore,
    Quotas,
    Removal,
    Repeats,
    Reserved,
    SessionStore,
    Stop,
    Timed,
)
from qa_service.knowledge.indexer import DocumentReader
from qa_service.metrics import Prometheus
from qa_service.model import (
    Exchange,
    Passage,
    Picture,
    ReadRequest,
    Repeat,
    Rewind,
    Session,
    StoredFile,
    Topic,
    UploadedFile,
)
from qa_service.retrieval.lexical import build_index
from qa_service.running.runner import Runner
from qa_service.running.stop import StopSignal
from qa_service.search_interfaces import IMPACT_BITS
from qa_service.storable import storable
from qa_service.stores.arrivals import RedisArrivals
from qa_service.stores.drawings import RedisDrawings
from qa_service.stores.guard import StoreGuard
from qa_service.stores.limiter import RedisLimiter
from qa_service.stores.passages import RedisFiles
from qa_service.stores.quotas import Quota, RedisQuotas
from qa_service.stores.repeats import RedisRepeats
from qa_service.stores.rewinds import RedisRewinds
from qa_service.stores.sessions import RedisSessions
from qa_service.summaries import _Unstopped
from qa_service.topics.detector import KeepTopic, LearnedDrift
from qa_service.turns import Turn
from tests.documents import pdf, png
from tests.fakes import (
    ANN,
    BEN,
    FakeArrivals,
    FakeDetector,
    FakeDrawings,
    FakeFiles,
    FakeMeter,
    FakeQuotas,
    FakeReader,
    FakeRepeats,
    FakeRoom,
    FakeSessions,
    FakeUpstream,
    Unlimited,
    admission,
    client,
    parts,
    turn,
)
from tests.lives import KEPT, Saying, Waiting, World
from tests.web.house import Reader


class RealSessions(RedisSessions):
    """`RealSessions` are the sessions of one worker, which also find what a question replaces."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, StoreGuard(), KEPT, worker="w1")
        self.find_removal = RedisRewinds(redis, StoreGuard()).find_removal


class TestSessionStore:
    @pytest.fixture(params=["real", "fake"])
    def sessions(self, request: pytest.FixtureRequest) -> SessionStore:
        return FakeSessions() if request.param == "fake" else RealSessions(client())

    def claim(
        self,
        sessions: SessionStore,
        asked: Turn,
        *,
        expected: int = 0,
        reject: bool = False,
        removal: Removal | None = None,
    ) -> object:
        start = replace(admission(), answer_id=asked.answer_id).build_start()
        return sessions.claim_session(Claim(ANN, expected, asked, "Skies", "Skies", reject, start, removal=removal))

    def converse(self, sessions: SessionStore, number: int, **end: object) -> Turn:
        asked = turn(f"{number}" * 32, question=f"Question {number}")
        self.claim(sessions, asked, expected=int(number > 1))
        ended = replace(asked, **{"status": "completed", "text": f"Answer {number}", **end})
        assert sessions.save_turn(ANN, ended) == "saved"
        return ended

    def context(self, sessions: SessionStore) -> tuple[Exchange, ...]:
        session = sessions.load_session(ANN, "s")
        assert session
        return session.context

    def test_what_nobody_has_claimed_is_unknown(self, sessions: SessionStore) -> None:
        self.claim(sessions, turn())
        assert (sessions.load_session(ANN, "other"), sessions.load_session(BEN, "s")) == (None, None)

    def test_a_claimed_one_is_in_its_topic(self, sessions: SessionStore) -> None:
        self.claim(sessions, turn())
        assert sessions.load_session(ANN, "s") == Session("s", 1, (Topic(1, "Skies", 1),))

    def test_answers_are_its_context_unless_they_failed_or_are_empty(self, sessions: SessionStore) -> None:
        self.converse(sessions, 1)
        self.converse(sessions, 2, status="failed")
        self.converse(sessions, 3, text="")
        self.converse(sessions, 4, status="cancelled")
        assert self.context(sessions) == (
            Exchange("Question 1", "Answer 1"),
            Exchange("Question 4", "Answer 4"),
        )

    def test_to_save_twice_is_to_save_once(self, sessions: SessionStore) -> None:
        ended = self.converse(sessions, 1)
        assert sessions.save_turn(ANN, ended) == "saved"
        assert len(self.context(sessions)) == 1

    def test_what_belongs_to_no_session_is_not_saved(self, sessions: SessionStore) -> None:
        assert sessions.save_turn(ANN, replace(turn(), status="completed", text="So.")) == "gone"

    def test_a_new_topic_forgets_the_context_and_a_late_answer_does_not_bring_it_back(
        self, sessions: SessionStore
    ) -> None:
        self.converse(sessions, 1)
        late = turn("2" * 32)
        self.claim(sessions, late, expected=1)
        self.claim(sessions, turn("3" * 32, topic=2), expected=1)
        sessions.save_turn(ANN, replace(late, status="completed", text="Late."))
        session = sessions.load_session(ANN, "s")
        assert session
        assert (session.topic, session.context) == (2, ())

    def test_one_in_another_topic_than_expected_is_not_claimed(self, sessions: SessionStore) -> None:
        self.converse(sessions, 1)
        assert self.claim(sessions, turn("2" * 32, topic=8), expected=7).moved
        session = sessions.load_session(ANN, "s")
        assert session
        assert session.topic == 1

    def test_one_that_is_answering_refuses_or_names_what_is_replaced(self, sessions: SessionStore) -> None:
        self.claim(sessions, turn("1" * 32))
        with pytest.raises(Busy):
            self.claim(sessions, turn("2" * 32), expected=1, reject=True)
        replaced = self.claim(sessions, turn("3" * 32), expected=1).replaced
        assert list(replaced) == ["1" * 32]

    @pytest.mark.parametrize("left", [0, 1, 2])
    def test_a_removal_says_what_the_session_is_without_the_turns_and_changes_nothing(
        self, sessions: FakeSessions, left: int
    ) -> None:
        for number in (1, 2, 3):
            if number == left + 1:
                before = sessions.load_session(ANN, "s")
            self.converse(sessions, number)
        unchanged = sessions.load_session(ANN, "s")
        removal = sessions.find_removal(ANN, "s", Rewind(f"{left + 1}" * 32))
        assert removal
        assert removal.session == (before or Session("s", 1, (Topic(1, "", 0),)))
        assert [turn.question for turn in removal.removed] == [f"Question {n}" for n in range(left + 1, 4)]
        assert removal.contexts[1].exchanges == removal.session.context
        assert sessions.load_session(ANN, "s") == unchanged

    def test_the_claim_removes_what_is_replaced(self, sessions: FakeSessions) -> None:
        for number in (1, 2):
            self.converse(sessions, number)
        removal = sessions.find_removal(ANN, "s", Rewind("2" * 32))
        self.claim(sessions, turn("3" * 32), expected=1, removal=removal)
        assert sessions.load_session(ANN, "s") == Session(
            "s", 1, (Topic(1, "Skies", 2),), context=(Exchange("Question 1", "Answer 1"),)
        )

    def test_a_claim_that_is_refused_removes_nothing(self, sessions: FakeSessions) -> None:
        self.converse(sessions, 1)
        removal = sessions.find_removal(ANN, "s", Rewind("1" * 32))
        self.claim(sessions, turn("2" * 32), expected=1)
        unchanged = sessions.load_session(ANN, "s")
        assert self.claim(sessions, turn("3" * 32), expected=1, removal=removal).moved
        removal = sessions.find_removal(ANN, "s", Rewind("1" * 32))
        with pytest.raises(Busy):
            self.claim(sessions, turn("3" * 32), expected=1, removal=removal, reject=True)
        assert sessions.load_session(ANN, "s") == unchanged

    def test_nothing_is_removed_where_nothing_is_replaced(self, sessions: FakeSessions) -> None:
        self.converse(sessions, 1)
        assert sessions.find_removal(ANN, "s", Rewind("9" * 32, is_exact=True)) is None
        assert sessions.find_removal(BEN, "s", Rewind("1" * 32)) is None


class TestRepeats:
    KEY = Repeat("d" * 32, "print", 60)

    @pytest.fixture(params=["real", "fake"])
    def repeats(self, request: pytest.FixtureRequest) -> Repeats:
        return FakeRepeats() if request.param == "fake" else RedisRepeats(client(), StoreGuard())

    def test_a_key_stands_for_the_first_that_reserved_it(self, repeats: Repeats) -> None:
        assert repeats.reserve_key(ANN, self.KEY, "first") is None
        assert repeats.reserve_key(ANN, self.KEY, "first") is None
        assert repeats.reserve_key(ANN, replace(self.KEY, fingerprint="odd"), "second") == Reserved("first", "print")

    def test_each_owner_has_keys_of_their_own(self, repeats: Repeats) -> None:
        repeats.reserve_key(ANN, self.KEY, "first")
        assert repeats.reserve_key(BEN, self.KEY, "second") is None

    def test_a_key_is_known_to_its_owner_while_it_stands(self, repeats: Repeats) -> None:
        def known() -> list[bool]:
            return [repeats.knows_key(owner, self.KEY.key) for owner in (ANN, BEN)]

        assert known() == [False, False]
        repeats.reserve_key(ANN, self.KEY, "first")
        assert known() == [True, False]
        repeats.release_key(ANN, self.KEY, "first")
        assert known() == [False, False]

    def test_only_its_own_answer_frees_it(self, repeats: Repeats) -> None:
        repeats.release_key(ANN, self.KEY, "nobody")
        repeats.reserve_key(ANN, self.KEY, "first")
        repeats.release_key(ANN, self.KEY, "second")
        repeats.release_key(ANN, self.KEY, "first", begun=True)  # it has not
        assert repeats.reserve_key(ANN, self.KEY, "second") == Reserved("first", "print")
        repeats.release_key(ANN, self.KEY, "first")
        assert repeats.reserve_key(ANN, self.KEY, "second") is None


class TestFileStore:
    @pytest.fixture(params=["real", "fake"])
    def files(self, request: pytest.FixtureRequest) -> FileStore:
        if request.param == "fake":
            return FakeFiles()
        redis, guard, start = client(), StoreGuard(), admission().build_start()
        sessions = RedisSessions(redis, guard, KEPT, worker="w1")
        sessions.claim_session(Claim(ANN, 0, turn(), "Skies", "Skies", False, start))
        return RedisFiles(redis, guard, seconds=60, single=60)

    def keep(self, files: FileStore, file_id: str, *texts: str) -> StoredFile:
        for first, text in enumerate(texts):
            passages = (Passage(file_id, "a.txt", text, page=1),)
            files.add_part(
                ANN, "s", file_id, FileText(passages=passages, index=build_index([text], first), first=first)
            )
        file = StoredFile(file_id, "a.txt", "text", "used", 1, passages=len(texts))
        files.finish_file(ANN, "s", file)
        return file

    def test_passages_are_numbered_over_all_files_in_their_order(self, files: FileStore) -> None:
        kept = [self.keep(files, "f1", "하늘은 파랗다", "The sky"), self.keep(files, "f2", "A tree")]
        index = files.open_index(ANN, "s", kept[::-1])
        texts = [passage and passage.text for passage in index.load_passages([2, 0, 1])]
        assert texts == ["The sky", "A tree", "하늘은 파랗다"]

    def test_a_vector_is_kept_for_each_encoder_and_passage(self, files: FileStore) -> None:
        kept = [self.keep(files, "f1", "blue sky", "green tree"), self.keep(files, "f2", "blue tree")]
        index = files.open_index(ANN, "s", kept)
        index.keep_vectors("words/1", {0: b"\x00\x01", 2: b"\xff"})
        index.keep_vectors("words/2", {1: b"?"})
        assert list(files.open_index(ANN, "s", kept).load_vectors("words/1", [2, 1, 0])) == [b"\xff", None, b"\x00\x01"]

    def test_a_word_is_found_where_it_stands(self, files: FileStore) -> None:
        kept = [self.keep(files, "f1", "blue sky", "green tree"), self.keep(files, "f2", "blue tree")]
        blue, tree, nowhere = (next(iter(build_index([word]))) for word in ("blue", "tree", "nowhere"))
        ranking = files.open_index(ANN, "s", kept).look_up_words([blue, tree, nowhere], 99)
        found = [
            (word, part.first + (posting >> IMPACT_BITS), posting & 0xFFF)
            for word, parts in ranking.postings.items()
            for part in parts
            for posting in part.packed
        ]
        assert {(word, number) for word, number, _ in found} == {(blue, 0), (blue, 2), (tree, 1), (tree, 2)}
        assert all(weight > 0 for _, _, weight in found)
        assert (ranking.passages, ranking.frequencies.get(blue), ranking.frequencies.get(nowhere, 0)) == (3, 2, 0)

    def test_a_picture_is_given_back_as_it_was_kept(self, files: FileStore) -> None:
        picture = Picture("image/png", bytes(range(256)))
        files.add_picture(ANN, "s", "f1", picture)
        kept = [StoredFile(name, "a.png", "png", "used", 1) for name in ("f1", "f2")]
        files.finish_file(ANN, "s", kept[0])
        assert list(files.load_pictures(ANN, "s", kept)) == [[picture], []]

    def test_the_pages_of_a_picture_come_in_their_order(self, files: FileStore) -> None:
        pages = [Picture("image/png", b"%d" % number) for number in range(3)]
        for number in (2, 1, 3):
            files.add_picture(ANN, "s", "f1", pages[number - 1], number)
        kept = StoredFile("f1", "a.tiff", "tiff", "used", 1, pages=3)
        files.finish_file(ANN, "s", kept)
        assert list(files.load_pictures(ANN, "s", [kept])) == [pages]

    def test_the_rarest_words_are_read_first(self, files: FileStore) -> None:
        kept = [self.keep(files, "f1", "blue sky", "blue tree")]
        blue, tree = (next(iter(build_index([word]))) for word in ("blue", "tree"))
        assert set(files.open_index(ANN, "s", kept).look_up_words([blue, tree], 1).postings) == {tree}


class TestPictureStore:
    @pytest.fixture(params=["real", "fake"])
    def drawings(self, request: pytest.FixtureRequest) -> PictureStore:
        if request.param == "fake":
            return FakeDrawings()
        redis, guard, start = client(), StoreGuard(), admission().build_start()
        RedisSessions(redis, guard, KEPT, worker="w1").claim_session(
            Claim(ANN, 0, turn(), "Skies", "Skies", False, start)
        )
        return RedisDrawings(redis, guard, seconds=60, single=60)

    def test_a_picture_is_kept_also_in_place_of_another(self, drawings: PictureStore) -> None:
        for number in range(2):
            assert drawings.keep_picture(ANN, "s", "1" * 32, 0, Picture("image/png", b"\x89PNG" * number))

    def test_without_its_session_none_is_kept(self, drawings: PictureStore) -> None:
        session_id = "s" if isinstance(drawings, FakeDrawings) else "other"
        if isinstance(drawings, FakeDrawings):
            drawings.gone = True
        assert not drawings.keep_picture(ANN, session_id, "1" * 32, 0, Picture("image/png", b"\x89PNG"))


def open_readers() -> closing[ChildReaders]:
    return closing(ChildReaders(seconds=20, slots=1, limits=ProcessLimits(1 << 30, 20)))


PAGE = "<html><body><p>하늘은 파랗다.".encode()


class TestFileReader:
    @pytest.fixture(params=["real", "fake", "web"])
    def reader(self, request: pytest.FixtureRequest) -> Iterator[FileReader]:
        if request.param == "real":
            with open_readers() as readers:
                yield readers
        else:
            yield FakeReader() if request.param == "fake" else Reader()

    def upload(self, folder: Path, name: str, content: bytes, seconds: float | None = None) -> ReadRequest:
        path = folder / "upload"
        path.write_bytes(content)
        return ReadRequest(UploadedFile(name, str(path), len(content)), ANN, seconds)

    def test_the_passages_come_before_one_verdict(self, reader: FileReader, tmp_path: Path) -> None:
        *news, end = reader.read_upload(self.upload(tmp_path, "sky.txt", "하늘은 파랗다.".encode()), StopSignal())
        assert isinstance(end, FileEnd)
        assert (end.verdict.name, end.verdict.status) == ("sky.txt", "used")
        texts = [passage.text.strip() for part in news if isinstance(part, FileText) for passage in part.passages]
        assert texts == ["하늘은 파랗다."]

    def test_a_picture_comes_before_its_verdict(self, reader: FileReader, tmp_path: Path) -> None:
        *news, end = reader.read_upload(self.upload(tmp_path, "red.png", png()), StopSignal())
        assert isinstance(end, FileEnd)
        assert (end.verdict.kind, end.verdict.status) == ("png", "used")
        (found,) = (part.picture for part in news if isinstance(part, ReadPicture))
        assert found.mime_type == "image/png"
        assert found.data.startswith(b"\x89PNG")

    def test_a_damaged_file_is_a_verdict_and_nothing_else(self, reader: FileReader, tmp_path: Path) -> None:
        *begin, end = reader.read_upload(self.upload(tmp_path, "a.pdf.broken", pdf(["text"])[:60]), StopSignal())
        assert all(isinstance(news, FileBegin) for news in begin)
        assert isinstance(end, FileEnd)
        assert (end.verdict.name, end.verdict.status, end.verdict.reason) == ("a.pdf.broken", "failed", "damaged")

    def test_a_file_without_time_is_over_quota(self, reader: FileReader, tmp_path: Path) -> None:
        (end,) = reader.read_upload(self.upload(tmp_path, "sky.txt", b"Blue.", seconds=0), StopSignal())
        assert isinstance(end, FileEnd)
        assert (end.verdict.name, end.verdict.reason) == ("sky.txt", "over_quota")


class TestDocumentReader:
    @pytest.fixture(params=["real", "fake"])
    def reader(self, request: pytest.FixtureRequest) -> Iterator[DocumentReader]:
        if request.param == "fake":
            yield Reader()
            return
        with open_readers() as readers:
            yield readers

    def test_a_page_is_parsed(self, reader: DocumentReader) -> None:
        parsed = reader.parse_content(DOCUMENT_PAGE, PAGE, "", seconds=None, stop=StopSignal())
        assert [section.text for section in parsed.page.sections] == ["하늘은 파랗다."]

    def test_one_without_time_is_not(self, reader: DocumentReader) -> None:
        with pytest.raises(Unreadable) as unread:
            reader.parse_content(DOCUMENT_PAGE, PAGE, "", seconds=0, stop=StopSignal())
        assert unread.value.reason == "over_quota"

    def test_after_a_stop_none_is(self, reader: DocumentReader) -> None:
        stop = StopSignal()
        stop.set("cancelled")
        with pytest.raises(Unreadable) as unread:
            reader.parse_content(DOCUMENT_PAGE, PAGE, "", seconds=None, stop=stop)
        assert unread.value.reason == "stopped"


class TestAnswerWriter:
    @pytest.fixture(params=["line", "waiting"])
    def writer(self, request: pytest.FixtureRequest) -> AnswerWriter:
        if request.param == "waiting":
            return Waiting()
        return AnswerLine(parts(FakeUpstream([TextDelta("One "), threading.Event(), Finished("stop")])))

    @pytest.mark.parametrize(("reason", "ends"), [("cancelled", True), ("handover", False), ("lost", False)])
    def test_it_begins_at_once_and_ends_itself_unless_another_worker_goes_on(
        self, writer: AnswerWriter, reason: str, ends: bool
    ) -> None:
        stop, said = StopSignal(), list[object]()
        for item in writer.write_answer(admission(), stop):
            said.append(item)
            if item == Text("One "):
                stop.set(reason)
        assert isinstance(said[0], Start)
        assert (said[-1] == Done("cancelled")) is ends

    def test_what_is_gone_on_with_does_not_begin_again(self) -> None:
        so_far = AnswerSoFar("Half")
        for writer in (AnswerLine(parts()), Saying(Text("the rest"), Done("failed"))):
            rest = list(writer.continue_answer(admission(), so_far, StopSignal()))
            assert not any(isinstance(item, Start) for item in rest)
            assert isinstance(rest[-1], Done)


class TestRoom:
    @pytest.fixture(params=["real", "fake"])
    def room(self, request: pytest.FixtureRequest, world: World) -> Room:
        if request.param == "fake":
            return FakeRoom()
        runner: Runner = world.worker(Waiting()).runner
        return runner

    def inside(self, room: Room) -> int:
        return room.inside if isinstance(room, FakeRoom) else room.count_answers()

    def test_a_place_is_taken_until_it_is_given_back(self, room: Room) -> None:
        room.reserve_place()
        room.announce_life()
        assert self.inside(room) == 1
        room.release_place()
        assert self.inside(room) == 0

    def test_where_there_is_none_it_says_why(self, room: Room) -> None:
        if isinstance(room, FakeRoom):
            room.refusal = Draining(retry_after=1)
        else:
            room.stop_admitting()
        with pytest.raises(Draining):
            room.reserve_place()
        assert self.inside(room) == 0


class TestDriftDetector:
    @pytest.fixture(params=[FakeDetector, KeepTopic, LearnedDrift])
    def detector(self, request: pytest.FixtureRequest) -> DriftDetector:
        detector: DriftDetector = request.param()
        return detector

    def test_the_topic_goes_on_when_it_is_unsure(self, detector: DriftDetector) -> None:
        session = Session("s", 1, (Topic(1, "Skies", 1),), context=(Exchange("Why is the sky blue?", "It scatters."),))
        drift = detector.judge_topic("And at night?", session, {})
        assert (drift.drifted, storable(drift)) == (False, drift)
        assert 0 <= drift.score <= 1


class TestLimiter:
    @pytest.fixture(params=["real", "fake"])
    def limiter(self, request: pytest.FixtureRequest) -> Limiter:
        if request.param == "fake":
            return Unlimited()
        return RedisLimiter(client(), StoreGuard(), questions=9, seconds=9)

    def test_a_question_is_let_through_without_a_wait(self, limiter: Limiter) -> None:
        assert limiter.seconds_to_wait(ANN) == 0
        assert limiter.take_question(ANN) == 0


class TestArrivals:
    @pytest.fixture(params=["real", "fake"])
    def make(self, request: pytest.FixtureRequest) -> Callable[[int], Arrivals]:
        """Return what makes one of an owner's bytes. It lets each owner ask once, and knows a session of Ann's."""
        redis, guard = client(), StoreGuard()
        limiter = RedisLimiter(redis, guard, questions=1, seconds=60)
        sessions = FakeSessions() if request.param == "fake" else RedisSessions(redis, guard, KEPT, worker="w1")
        sessions.claim_session(Claim(ANN, 0, turn(), "Skies", "Skies", False, admission().build_start()))

        def make_real(size: int) -> RedisArrivals:
            return RedisArrivals(redis, guard, limiter, sessions, RedisQuotas(redis, guard, Quota(9, size, 10)))

        def make_fake(size: int) -> FakeArrivals:
            arrivals = FakeArrivals(limiter, sessions)
            arrivals.has_room = size > 0
            return arrivals

        return make_fake if request.param == "fake" else make_real

    def test_the_session_comes_as_it_is_loaded(self, make: Callable[[int], Arrivals]) -> None:
        arrivals = make(1 << 30)
        assert arrivals.receive_question(ANN, "s").session == Session("s", 1, (Topic(1, "Skies", 1),))
        assert arrivals.receive_question(BEN, "s").session is None

    def test_one_of_the_owners_questions_is_taken(self, make: Callable[[int], Arrivals]) -> None:
        arrivals = make(1 << 30)
        assert [arrivals.receive_question(owner, "s").wait > 0 for owner in (ANN, ANN, BEN)] == [False, True, False]

    def test_it_says_whether_the_owner_has_room(self, make: Callable[[int], Arrivals]) -> None:
        assert [make(size).receive_question(ANN, "s").has_room for size in (0, 1 << 30)] == [False, True]


class TestQuotas:
    @pytest.fixture(params=["real", "fake"])
    def quotas(self, request: pytest.FixtureRequest) -> Quotas:
        if request.param == "fake":
            return FakeQuotas(9, 100, 10)
        return RedisQuotas(client(), StoreGuard(), Quota(files=9, bytes=100, seconds=10))

    def test_the_seconds_that_are_spent_are_counted(self, quotas: Quotas) -> None:
        assert quotas.load_allowance(ANN, "s") == Allowance(9, 100, 10)
        quotas.spend_seconds(ANN, 10)
        assert quotas.load_allowance(ANN, "s").is_used_up


class TestMeter:
    @pytest.fixture(params=[FakeMeter, Prometheus])
    def meter(self, request: pytest.FixtureRequest) -> Meter:
        meter: Meter = request.param()
        return meter

    def test_no_event_or_time_is_refused(self, meter: Meter) -> None:
        for what in Counted.__args__:
            meter.count_event(what, 2, label="a code")
        for what in Timed.__args__:
            meter.record_time(what, 0.5)
        meter.count_streams(1)
        meter.count_streams(-1)


class TestStop:
    @pytest.fixture(params=[StopSignal, _Unstopped])
    def stop(self, request: pytest.FixtureRequest) -> Stop:
        """Return one that nobody has set."""
        stop: Stop = request.param()
        return stop

    def test_what_is_to_run_when_it_is_set_waits_for_that(self, stop: Stop) -> None:
        ran: list[str] = []
        forget = stop.call_when_set(lambda: ran.append("action"))
        assert (stop.is_set(), stop.reason, ran) == (False, "", [])
        forget()
