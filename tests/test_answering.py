"""The line: which frames an answer has, in which order, and what is kept of it whatever happens."""

import threading
from functools import partial
from pathlib import Path
from weakref import ref

import pytest

from qa_service.answering import AnswerLine
from qa_service.deltas import (
    Delta,
    Drawing,
    Drawn,
    Finished,
    PagesFound,
    RefusalDelta,
    Retrying,
    Searching,
    TextDelta,
    Thinking,
    Unseen,
)
from qa_service.errors import Cancelled, UpstreamRateLimited, UpstreamUnavailable
from qa_service.file_news import FileNews, FileText
from qa_service.frames import Cite, Done, Image, Metadata, Reference, StageNotice, Start, Text, TextSpan, TopicNotice
from qa_service.model import Exchange, Message, Picture, Session, Topic, Usage
from qa_service.prompting import Site
from qa_service.remembered import LONGEST_REMEMBERED
from qa_service.running.log import MemoryLog
from qa_service.running.stop import StopSignal
from qa_service.running.written import RunningAnswer
from qa_service.topics.meaning import recall_meaning
from qa_service.turns import Observation
from tests.answers import Conversation, failure, frames, metadata, saved
from tests.fakes import (
    ANN,
    ANSWER,
    BUG,
    DOWN,
    STOPPED,
    USAGE,
    WAITING_SECONDS,
    FakeDrawings,
    FakeEncoder,
    FakeMeter,
    FakeReader,
    FakeUpstream,
    Seen,
    Step,
    admission,
    gallery,
    kinds,
    one,
    parts,
    upload,
)


class TestSources:
    LINKED: tuple[Step, ...] = (TextDelta("See https://a.example/환불. [1]"), STOPPED)

    def told(self, *steps: Step, **site: bool) -> list[Reference]:
        known = parts(FakeUpstream([*steps, *self.LINKED]), site=Site("Be plain.", **site))
        return [frame for frame in frames(known) if isinstance(frame, Reference)]

    def test_a_link_that_the_model_only_types_is_none(self) -> None:
        assert self.told() == []

    def test_it_is_one_where_the_site_says_so(self) -> None:
        (source,) = self.told(cite_links=True)
        assert (source.n, source.url) == (2, "https://a.example/환불")

    def test_it_is_one_where_a_tool_of_upstreams_has_returned_its_page(self) -> None:
        (source,) = self.told(PagesFound(("https://a.example/%ED%99%98%EB%B6%88?utm_source=openai", "ftp://b.example")))
        assert source.cites == (Cite(4, 24),)

    def test_none_is_one_where_the_site_wants_no_sources(self) -> None:
        assert self.told(cite_links=True, citations=False) == []


class TestOrder:
    def test_start_comes_before_upstream_is_asked(self) -> None:
        known = parts(upstream := FakeUpstream())
        first = next(AnswerLine(known).write_answer(admission(), StopSignal()))
        assert isinstance(first, Start)
        assert upstream.prompts == []

    def test_text_then_metadata_then_done(self) -> None:
        told = frames(parts())
        assert kinds(told) == ["start", "text", "metadata", "done"]
        assert told[-1] == Done("completed")

    def test_files_are_read_before_and_references_come_behind_the_text(self, tmp_path: Path) -> None:
        known = parts(FakeUpstream([TextDelta("It scatters [1]."), STOPPED]))
        told = frames(known, files=(upload(tmp_path, "sky.txt", "The sky scatters blue light."),))
        assert kinds(told) == ["start", "status", "text", "reference", "metadata", "done"]
        assert [frame.stage for frame in told if isinstance(frame, StageNotice)] == [
            "reading_file",
            "reading_file",
            "file",
            "retrieving",
            "retrieving",
        ]

    def test_each_delta_is_a_frame_of_its_own(self) -> None:
        told = frames(parts(FakeUpstream(ANSWER)))
        assert [frame.content for frame in told if isinstance(frame, Text)] == ["The answer ", "is 42."]

    def test_what_upstream_does_meanwhile_is_told(self) -> None:
        steps: list[Step] = [
            Thinking(),
            Searching(),
            Searching("blue sky"),
            Retrying(2, "rate_limited", "mini"),
            *ANSWER,
        ]
        told = frames(parts(FakeUpstream(steps)))
        assert [frame for frame in told if isinstance(frame, StageNotice)] == [
            StageNotice("thinking"),
            StageNotice("searching_web"),
            StageNotice("searching_web", query="blue sky"),
            StageNotice("retrying", attempt=2, reason="rate_limited"),
        ]

    def test_who_was_asked_last_is_named_and_paid_though_upstream_never_said_so(self) -> None:
        steps: list[Step] = [
            Retrying(2, "upstream_unavailable", "maxi"),
            TextDelta("Half"),
            UpstreamUnavailable("gone"),
        ]
        known = parts(FakeUpstream(steps), prices={"maxi": {"input": 1e6, "output": 1e6}})
        (metadata,) = (frame for frame in frames(known) if isinstance(frame, Metadata))
        assert (metadata.model, metadata.calls[0].model) == ("maxi", "maxi")
        assert metadata.cost

    def test_the_turn_is_saved_when_the_metadata_comes(self) -> None:
        known = parts()
        for frame in AnswerLine(known).write_answer(admission(), StopSignal()):
            if isinstance(frame, Metadata):
                break
        assert saved(known).text == "The answer is 42."

    def test_the_watcher_is_told_after_done(self) -> None:
        seen: list[Observation] = []
        line = AnswerLine(parts(observe=seen.append)).write_answer(admission(), StopSignal())
        while not isinstance(next(line), Done):
            assert seen == []
        assert list(line) == []
        assert [(one.status, one.usage, one.owner, one.saved) for one in seen] == [("completed", USAGE, "user", True)]


class TestFiles:
    def test_a_bad_file_does_not_end_the_answer(self, tmp_path: Path) -> None:
        files = (upload(tmp_path, "bad.broken", ""), upload(tmp_path, "sky.txt", "Blue."))
        told = frames(parts(), files=files)
        verdicts = {verdict.name: (verdict.status, verdict.reason) for verdict in metadata(told).files}
        assert verdicts == {"bad.broken": ("failed", "damaged"), "sky.txt": ("used", None)}
        assert told[-1] == Done("completed")

    def test_a_reader_that_says_nothing_of_a_file_has_found_it_damaged(self, tmp_path: Path) -> None:
        class Silent:
            def read_upload(self, file: object, stop: object) -> tuple[FileNews, ...]:
                return ()

        told = frames(parts(reader=Silent()), files=(upload(tmp_path, "sky.txt", "Blue."),))
        assert [(verdict.status, verdict.reason) for verdict in metadata(told).files] == [("failed", "damaged")]

    def test_what_does_not_fit_the_budget_is_told(self, tmp_path: Path) -> None:
        text = "\n\n".join(f"Blue light number {n} scatters. " * 6 for n in range(9))
        files = (upload(tmp_path, "sky.txt", text), upload(tmp_path, "sea.txt", "Salt and fish. " * 20))
        known = parts(site=Site("Be plain.", context_tokens=500))
        told = frames(known, "Why is light blue?", files=files)
        verdicts = [(verdict.status, verdict.reason) for verdict in metadata(told).files]
        assert verdicts == [("truncated", "over_budget"), ("skipped", "over_budget")]

    def test_a_reader_is_told_to_stop_and_upstream_is_not_asked(self, tmp_path: Path) -> None:
        upstream, reader, stop = FakeUpstream(), FakeReader(), StopSignal()
        setter = threading.Thread(target=_stop_when_read, args=(reader, stop))
        setter.start()
        files = (upload(tmp_path, "long.endless", ""), upload(tmp_path, "sky.txt", "Blue."))
        told = frames(parts(upstream, reader=reader), stop=stop, files=files)
        setter.join()
        assert told[-1] == Done("cancelled")
        assert upstream.prompts == []
        assert "long.endless" in reader.read_names
        assert metadata(told).calls == ()
        assert metadata(told).usage == Usage(estimated=True)

    def test_a_part_without_a_passage_does_no_harm(self, tmp_path: Path) -> None:
        class Hesitant(FakeReader):
            def read_upload(self, file, stop):
                yield FileText()
                yield from super().read_upload(file, stop)

        told = frames(parts(reader=Hesitant()), files=(upload(tmp_path, "sky.txt", "Blue."),))
        assert [verdict.status for verdict in metadata(told).files] == ["used"]

    def test_a_picture_is_shown_with_the_question_and_with_those_after_it(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream())
        told = chat.ask("Which colour?", files=(upload(tmp_path, "cat.png", "PNG!"),))
        assert [verdict.status for verdict in metadata(told).files] == ["used"]
        chat.ask("And its eyes?")
        for prompt in upstream.prompts:
            assert Picture("image/png", b"PNG!") in prompt.messages[-2].content
            assert prompt.messages[-1].text == prompt.question

    def test_a_model_that_sees_nothing_gets_no_picture_and_the_verdict_says_so(self, tmp_path: Path) -> None:
        upstream = FakeUpstream()
        upstream.sees = False
        chat = Conversation(upstream)
        told = chat.ask("Which colour?", files=(upload(tmp_path, "cat.png", "PNG!"),))
        again = chat.ask("And its eyes?")
        (notice,) = (frame for frame in told if isinstance(frame, StageNotice) and frame.stage == "file")
        assert (notice.status, notice.reason) == ("skipped", "no_vision")
        for shown in (told, again):
            assert [(verdict.status, verdict.reason) for verdict in metadata(shown).files] == [("skipped", "no_vision")]
        assert all(isinstance(message.written, str) for prompt in upstream.prompts for message in prompt.messages)

    def test_what_a_model_refuses_to_see_is_told_in_the_end(self, tmp_path: Path) -> None:
        told = frames(parts(FakeUpstream([Unseen(), *ANSWER])), files=(upload(tmp_path, "cat.png", "PNG!"),))
        assert [(verdict.status, verdict.reason) for verdict in metadata(told).files] == [("skipped", "no_vision")]

    def test_pictures_take_room_from_what_else_a_prompt_holds(self, tmp_path: Path) -> None:
        upstream, text = FakeUpstream(), "\n\n".join(f"Blue light number {n} scatters. " * 6 for n in range(9))
        files = (upload(tmp_path, "sky.txt", text), upload(tmp_path, "cat.png", "PNG!"))
        known = parts(upstream, site=Site("Be plain.", context_tokens=500))
        frames(known, "Why is light blue?", files=files)
        assert upstream.prompts[0].tokens <= 500
        assert len(upstream.prompts[0].pictures) == 1

    def test_a_follow_up_uses_the_files_of_its_topic(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream())
        chat.ask("What scatters?", files=(upload(tmp_path, "sky.txt", "Blue light scatters."),))
        told = chat.ask("And why blue?")
        asked = [message.text for message in upstream.prompts[1].messages]
        assert asked[1:3] == ["What scatters?", "The answer is 42."]
        assert "> Blue light scatters." in asked[3]
        assert [(verdict.name, verdict.status) for verdict in metadata(told).files] == [("sky.txt", "used")]


class TestDrawing:
    PNG = b"\x89PNG\r\n\x1a\n"

    def steps(self, folder: Path) -> list[Step]:
        path = folder / "drawn"
        path.write_bytes(self.PNG)
        parts = [Drawn(index, partial, str(path)) for index, partial in ((0, True), (0, False), (1, True))]
        return [Drawing(), *parts, *ANSWER]

    def test_pictures_are_shown_as_they_come_and_the_turn_has_the_finished_ones(self, tmp_path: Path) -> None:
        known = parts(FakeUpstream(self.steps(tmp_path)))
        told = frames(known)
        assert kinds(told) == ["start", "status", "image", "text", "metadata", "done"]
        shown = [frame for frame in told if isinstance(frame, Image)]
        assert [(frame.index, frame.partial) for frame in shown] == [(0, True), (0, False), (1, True)]
        assert saved(known).images == (shown[1],)

    def test_there_are_as_many_frames_where_no_picture_can_be_kept(self, tmp_path: Path) -> None:
        drawings = FakeDrawings()
        drawings.gone = True
        without = frames(parts(FakeUpstream(self.steps(tmp_path)), gallery=gallery(drawings=drawings)))
        assert len(without) == len(frames(parts(FakeUpstream(self.steps(tmp_path)))))
        assert kinds(without) == ["start", "status", "text", "metadata", "done"]


def _stop_when_read(reader: FakeReader, stop: StopSignal) -> None:
    assert reader.begun.wait(WAITING_SECONDS)
    stop.set("cancelled")


class TestTopics:
    def test_nothing_of_an_old_topic_is_in_the_next_prompt(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream())
        chat.ask("What scatters?", files=(upload(tmp_path, "sky.txt", "Blue light scatters."),))
        chat.ask("new: who won?")
        asked = [message.text for message in upstream.prompts[1].messages]
        assert (asked[0], asked[-1]) == ("Be plain.", "new: who won?")
        assert not any("What scatters?" in text or "42" in text for text in asked)

    def test_a_new_topic_is_answered_from_the_files_of_the_one_before_too(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream(ANSWER, (TextDelta("Blue does [1]."), STOPPED)))
        chat.ask("Who won?", files=(upload(tmp_path, "sky.txt", "Blue light scatters."),))
        told = chat.ask("new: which light scatters?")
        assert (
            '"sky.txt", page 1 (from an earlier topic)\n> Blue light scatters.' in upstream.prompts[1].messages[1].text
        )
        assert [(verdict.name, verdict.status) for verdict in metadata(told).files] == [("sky.txt", "used")]
        assert one(told, Reference).topic == 1

    def test_the_files_of_this_topic_come_before_those_of_others(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream())
        chat.ask("Who won?", files=(upload(tmp_path, "old.txt", "Blue light scatters."),))
        chat.ask("new: which light scatters?", files=(upload(tmp_path, "new.txt", "Red light scatters."),))
        assert [passage.file for passage in upstream.prompts[1].passages] == ["new.txt", "old.txt"]

    def test_a_file_without_a_word_to_quote_is_named_to_the_model(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream())
        chat.ask("Who won?", files=(upload(tmp_path, "sky.broken", "?"),))
        chat.ask("new: is there a file?")
        assert upstream.prompts[1].messages[-2].text.endswith('- "sky.broken" (couldn\'t be read)')
        assert upstream.prompts[1].files == ("sky.broken",)

    def test_the_same_bytes_again_are_the_same_file(self, tmp_path: Path) -> None:
        chat = Conversation(upstream := FakeUpstream())
        chat.ask("Who won?", files=(upload(tmp_path, "a.txt", "Blue."), upload(tmp_path, "b.txt", "Blue.")))
        told = chat.ask("new: and now?", files=(upload(tmp_path, "a.txt", "Blue."),))
        assert [len(prompt.passages) for prompt in upstream.prompts] == [1, 1]
        assert [passage.topic for prompt in upstream.prompts for passage in prompt.passages] == [0, 0]
        assert {(verdict.name, verdict.status) for verdict in metadata(told).files} == {("a.txt", "used")}

    def test_the_new_topic_is_told_first_and_last(self) -> None:
        chat = Conversation(FakeUpstream())
        chat.ask("What scatters?")
        told = chat.ask("new: who won?")
        assert isinstance(told[0], Start)
        assert told[0].topic == metadata(told).topic == TopicNotice(2, drifted=True, score=0.9)

    def test_after_a_new_topic_only_its_own_turns_are_remembered(self) -> None:
        chat = Conversation(upstream := FakeUpstream())
        for question in ("What scatters?", "new: who won?", "And second?"):
            chat.ask(question)
        asked = [message.text for message in upstream.prompts[2].messages]
        assert asked == ["Be plain.", "new: who won?", "The answer is 42.", "And second?"]

    def test_a_conversation_brought_along_is_remembered(self) -> None:
        chat = Conversation(upstream := FakeUpstream())
        chat.ask("And second?", messages=(Message("user", "Who won?"), Message("assistant", "Ann did.")))
        asked = [message.text for message in upstream.prompts[0].messages]
        assert asked == ["Be plain.", "Who won?", "Ann did.", "And second?"]


BEGUN = Session("s", 1, (Topic(1, "Before", 1),))
"""This is a session that has a turn already."""


class TestMeaning:
    def test_the_turn_holds_the_vectors_of_what_was_said(self) -> None:
        known = parts(recall_meaning=partial(recall_meaning, FakeEncoder()))
        frames(known, session=BEGUN)
        meaning = saved(known).meaning
        assert meaning == recall_meaning(FakeEncoder(), saved(known).question, "The answer is 42.")

    def test_the_first_turn_waits_for_a_second_question(self) -> None:
        known = parts(recall_meaning=partial(recall_meaning, FakeEncoder()))
        frames(known)
        assert saved(known).meaning is None

    def test_an_answer_without_a_word_is_not_encoded(self) -> None:
        known = parts(FakeUpstream([STOPPED]), recall_meaning=partial(recall_meaning, FakeEncoder()))
        frames(known, session=BEGUN)
        assert saved(known).meaning is None


class TestEnds:
    def test_an_error_keeps_the_partial_text_and_tells_both_sentences(self) -> None:
        steps: list[Step] = [TextDelta("Half an "), UpstreamRateLimited("slow down", retry_after=7)]
        known = parts(FakeUpstream(steps))
        told = frames(known, language="ko")
        assert kinds(told) == ["start", "text", "error", "metadata", "done"]
        error = failure(told)
        assert (error.code, error.status, error.retryable, error.retry_after) == ("rate_limited", 429, True, 7)
        assert (error.message, error.user_message[:2]) == ("slow down", "지금")
        assert told[-1] == Done("failed")
        assert (saved(known).text, saved(known).status, saved(known).error) == ("Half an ", "failed", error)

    def test_what_upstream_never_counted_is_estimated(self) -> None:
        known = parts(upstream := FakeUpstream([TextDelta("하늘은 "), DOWN]))
        usage = metadata(frames(known)).usage
        assert usage == Usage(upstream.prompts[0].tokens, 4, upstream.prompts[0].tokens + 4, estimated=True)

    def test_somebodys_stop_is_no_error(self) -> None:
        known = parts(FakeUpstream([TextDelta("Half an "), Cancelled()]))
        told = frames(known)
        assert kinds(told) == ["start", "text", "metadata", "done"]
        assert (told[-1], metadata(told).finish_reason) == (Done("cancelled"), "cancelled")
        assert (saved(known).text, saved(known).status) == ("Half an ", "cancelled")

    def test_the_time_limit_is_an_error(self) -> None:
        stop = StopSignal()
        stop.set("timeout")
        told = frames(parts(FakeUpstream([TextDelta("Half an "), Cancelled()])), stop=stop)
        assert failure(told).code == "upstream_timeout"
        assert told[-1] == Done("failed")

    def test_a_worker_that_is_stopped_is_an_error(self) -> None:
        stop = StopSignal()
        stop.set("interrupted")
        told = frames(known := parts(FakeUpstream([TextDelta("Half an "), Cancelled()])), stop=stop)
        assert (failure(told).code, told[-1]) == ("interrupted", Done("failed"))
        assert saved(known).text == "Half an "

    @pytest.mark.parametrize("piece", [TextDelta, RefusalDelta])
    def test_as_much_as_is_kept_is_an_early_end_and_no_error(self, piece: type[TextDelta]) -> None:
        upstream = FakeUpstream([piece("Half an "), piece("answer"), piece(" that goes on"), STOPPED])
        told = frames(known := parts(upstream, longest=40))
        assert kinds(told) == ["start", "text", "metadata", "done"]
        assert (metadata(told).finish_reason, told[-1]) == ("length", Done("incomplete"))
        assert (saved(known).text, saved(known).error, upstream.closed) == ("Half an answer", None, 1)

    @pytest.mark.parametrize("reason", ["handover", "lost"])
    def test_where_another_worker_goes_on_not_a_word_is_said_or_saved(self, reason: str) -> None:
        stop = StopSignal()
        stop.set(reason)
        told = frames(known := parts(FakeUpstream([TextDelta("Half an "), Cancelled()])), stop=stop)
        assert kinds(told) == ["start", "text"]
        assert known.sessions.saved == []

    def test_what_another_worker_has_taken_over_meanwhile_is_not_ended_here(self) -> None:
        seen: list[Observation] = []
        known = parts(observe=seen.append)
        known.sessions.outcome = "lost"
        assert kinds(frames(known)) == ["start", "text"]
        assert seen == []

    def test_the_time_from_a_cancel_to_the_closed_upstream_is_told(self) -> None:
        stop = StopSignal()
        stop.set("cancelled")
        frames(parts(FakeUpstream([Cancelled()]), meter=(meter := FakeMeter())), stop=stop)
        assert [what for what, _ in meter.times] == ["asked", "closed"]

    @pytest.mark.parametrize(
        "steps",
        [
            [],
            [Thinking()],
            [TextDelta("")],
            [TextDelta(" \n")],
            [RefusalDelta("")],
        ],
    )
    def test_an_answer_without_a_word_isnt_complete(self, steps: list[Delta]) -> None:
        told = frames(parts(FakeUpstream([*steps, Finished("stop")])))
        assert metadata(told).finish_reason == "stop"
        assert told[-1] == Done("incomplete")

    def test_an_empty_piece_is_no_frame_and_no_first_token(self) -> None:
        told = frames(parts(FakeUpstream([TextDelta(""), RefusalDelta(""), Finished("stop")])))
        assert not [frame for frame in told if isinstance(frame, Text)]
        assert metadata(told).timing.first_token_ms is None

    @pytest.mark.parametrize(
        ("steps", "reason", "status"),
        [
            ([TextDelta("Some"), Finished("length")], "length", "incomplete"),
            ([TextDelta("Some"), Finished("content_filter")], "content_filter", "incomplete"),
            ([RefusalDelta("No, "), RefusalDelta("sorry."), Finished("stop")], "refusal", "completed"),
            ([RefusalDelta("No, "), Finished("length")], "length", "incomplete"),
        ],
    )
    def test_an_early_end_is_no_error(self, steps: list[Delta], reason: str, status: str) -> None:
        told = frames(known := parts(FakeUpstream(steps)))
        assert (metadata(told).finish_reason, told[-1]) == (reason, Done(status))
        assert "error" not in kinds(told)
        assert saved(known).status == status

    def test_a_refusal_is_shown_as_text(self) -> None:
        told = frames(parts(FakeUpstream([RefusalDelta("No, "), RefusalDelta("sorry."), Finished("stop")])))
        assert "".join(frame.content for frame in told if isinstance(frame, Text)) == "No, sorry."

    def test_an_upstream_that_just_ends_has_failed(self) -> None:
        told = frames(parts(FakeUpstream([TextDelta("Half an ")])))
        assert (failure(told).code, told[-1]) == ("upstream_unavailable", Done("failed"))

    def test_an_upstream_that_ends_because_it_was_stopped_was_cancelled(self) -> None:
        stop = StopSignal()
        stop.set("cancelled")
        told = frames(parts(FakeUpstream([TextDelta("Half an ")])), stop=stop)
        assert ("error" in kinds(told), told[-1]) == (False, Done("cancelled"))

    @pytest.mark.parametrize(
        "steps", [list(ANSWER), [TextDelta("Half"), DOWN], [TextDelta("Half"), Cancelled()], [BUG]]
    )
    def test_upstream_is_let_go_of_before_the_end_is_told(self, steps: list[Step]) -> None:
        known = parts(upstream := FakeUpstream(steps))
        for frame in AnswerLine(known).write_answer(admission(), StopSignal()):
            assert not isinstance(frame, Metadata) or upstream.closed == 1
        assert upstream.closed == 1

    def test_leaving_the_line_lets_go_of_upstream(self) -> None:
        line = AnswerLine(parts(upstream := FakeUpstream())).write_answer(admission(), StopSignal())
        while not isinstance(next(line), Text):
            pass
        del line
        assert upstream.closed == 1


class TestPrompt:
    def test_what_was_said_before_is_not_held_once_upstream_has_been_asked(self) -> None:
        known = parts(upstream := FakeUpstream(ANSWER))
        asked = admission(
            session=Session("s", 1, (Topic(1, "", 1),), (Exchange("Why?", Seen("Since. " * LONGEST_REMEMBERED)),))
        )
        said = ref(asked.session.context[0].text)
        line, running = (
            AnswerLine(known).write_answer(asked, StopSignal()),
            RunningAnswer(asked, MemoryLog(), seconds=9, entries=1),
        )
        del asked
        next(line)
        assert said()
        while not isinstance(next(line), Text):
            pass
        assert said() in [message.text for message in upstream.prompts.pop().messages]
        assert said() is None
        assert running.current_turn().text == ""

    def test_the_caller_is_known_to_upstream_by_a_hash(self) -> None:
        frames(parts(upstream := FakeUpstream()))
        assert upstream.prompts[0].safety_identifier == f"hashed {ANN.key}"

    def test_a_site_without_citations_gets_none(self, tmp_path: Path) -> None:
        known = parts(FakeUpstream([TextDelta("Blue [1]."), STOPPED]), site=Site("Be plain.", citations=False))
        told = frames(known, files=(upload(tmp_path, "sky.txt", "The sky is blue."),))
        assert "reference" not in kinds(told)

    def check(self, folder: Path, wanted: bool | None = None, **site: bool) -> tuple[list[TextSpan], Observation]:
        seen: list[Observation] = []
        upstream = FakeUpstream([TextDelta("Blue is scattered [1]. Grass tastes like thirty sweets [7]."), STOPPED])
        known = parts(upstream, site=Site("Be plain.", **site), observe=seen.append)
        told = frames(known, files=(upload(folder, "sky.txt", "The sky scatters blue."),), checks_support=wanted)
        return list(metadata(told).unsupported), seen[0]

    def test_sentences_without_support_are_told_where_the_site_wants_it(self, tmp_path: Path) -> None:
        places, seen = self.check(tmp_path, checks_support=True)
        assert places == [TextSpan(23, 59)]
        assert (seen.unsupported, seen.dangling) == (1, 1)

    def test_a_question_decides_for_its_own_answer(self, tmp_path: Path) -> None:
        assert self.check(tmp_path, wanted=True)[0] == [TextSpan(23, 59)]
        assert self.check(tmp_path, wanted=False, checks_support=True)[0] == []

    def test_numbers_that_stand_for_no_source_are_counted(self, tmp_path: Path) -> None:
        places, seen = self.check(tmp_path)
        assert (places, seen.unsupported, seen.dangling) == ([], 0, 1)
        _, seen = self.check(tmp_path, citations=False)
        assert seen.dangling == 0

    def test_a_reference_quotes_the_page_it_names(self, tmp_path: Path) -> None:
        known = parts(FakeUpstream([TextDelta("하늘은 파랗습니다 [1]."), STOPPED]))
        file = upload(tmp_path, "하늘.txt", "바다 이야기.\f하늘은 파랗다. 구름은 희다.")
        found = one(frames(known, "하늘은 왜 파란가요?", files=(file,)), Reference)
        assert isinstance(found, Reference)
        assert (found.n, found.file, found.page, found.quote) == (1, "하늘.txt", 2, "하늘은 파랗다.")
