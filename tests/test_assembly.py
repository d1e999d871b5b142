"""Putting it together: the parts that settings choose, and those that a host brings."""

import hashlib
import hmac
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

from qa_service import assembly
from qa_service.assembly import Assembly, log_answer
from qa_service.deltas import TextDelta
from qa_service.errors import StoreUnavailable
from qa_service.frames import Done, Frame, Metadata, Text, Timing
from qa_service.model import Question, Session, Usage
from qa_service.running.mirror import MirroredAnswer
from qa_service.running.written import RunningAnswer
from qa_service.settings import Settings, SettingsError
from qa_service.stores.embedded import socket_path
from qa_service.topics.detector import KeepTopic, LearnedDrift
from qa_service.turns import Observation
from tests.fakes import ANN, STOPPED, WAITING_SECONDS, FakeDetector, FakeEncoder, FakeReader, FakeUpstream, upload
from tests.lives import eventually, numbered
from tests.scripted_upstream import ScriptedUpstream

Assemble = Callable[..., Assembly]
SECRET = "0123456789abcdef"


@pytest.fixture
def settings(tmp_path: Path, private_valkey: Redis) -> Settings:
    private_valkey.flushall()
    url = f"unix://{private_valkey.connection_pool.connection_kwargs['path']}"
    return Settings(data=tmp_path / "qa", redis_url=url, secret=SECRET, semantic="off", tokenizer="off")


@pytest.fixture
def assemble() -> Iterator[Assemble]:
    """Return a function that makes assemblies, which end with the test."""
    made: list[Assembly] = []

    def make(settings: Settings, **parts: object) -> Assembly:
        made.append(assembly.assemble(settings, **parts))
        return made[-1]

    yield make
    for house in made:
        house.runner.shut_down("interrupted", 2.0)


def begin(house: Assembly, text: str, **fields: object) -> RunningAnswer:
    """Begin the answer to Ann's question."""
    admitted = house.desk.admit_new(Question(text, ANN, "chat", **fields))
    return house.runner.start_answer(admitted)


def read(house: Assembly, running: RunningAnswer | MirroredAnswer) -> list[Frame]:
    with closing(house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS)) as reader:
        return [frame for _, frame in numbered(reader)]


def ask(house: Assembly, text: str, **fields: object) -> list[Frame]:
    """Ask Ann's question, and return all frames of the answer."""
    return read(house, begin(house, text, **fields))


class TestAnswering:
    def test_without_a_model_it_quotes_the_files(self, settings: Settings, assemble: Assemble, tmp_path: Path) -> None:
        house = assemble(settings)
        file = upload(tmp_path, "rules.txt", "Dogs must be kept on a leash.")
        told = ask(house, "Is a leash needed for dogs?", files=(file,))
        assert "“Dogs must be kept on a leash.” [1]" in "".join(f.content for f in told if isinstance(f, Text))
        assert told[-1] == Done("completed")
        assert house.history.load_conversation(ANN, "chat", "", 9).turns[0].status == "completed"

    def test_a_hosts_parts_take_the_place_of_ours(self, settings: Settings, assemble: Assemble, tmp_path: Path) -> None:
        seen: list[Observation] = []
        upstream, reader = FakeUpstream(), FakeReader()
        house = assemble(settings, upstream=upstream, detector=FakeDetector(), reader=reader, observe=seen.append)
        ask(house, "Why?", files=(upload(tmp_path, "sky.txt", "Blue."),))
        ask(house, "new: who won?")
        assert len(upstream.prompts) == len(seen) == 2
        assert reader.read_names == ["sky.txt"]
        assert house.history.load_conversation(ANN, "chat", "", 9).topics[-1].index == 2

    def test_says_that_words_alone_decide_where_the_hosts_encoder_is_none_that_topics_were_learned_with(
        self, settings: Settings, assemble: Assemble
    ) -> None:
        assert "words alone" in assemble(settings, encoder=FakeEncoder()).topics

    def test_a_file_beyond_a_quota_gets_a_verdict_and_the_answer_goes_on(
        self, settings: Settings, assemble: Assemble, tmp_path: Path
    ) -> None:
        house = assemble(replace(settings, session_files=1), upstream=FakeUpstream(), reader=FakeReader())
        told = ask(house, "Why?", files=(upload(tmp_path, "sky.txt", "Blue."), upload(tmp_path, "sea.txt", "Green.")))
        (metadata,) = (frame for frame in told if isinstance(frame, Metadata))
        assert [(file.status, file.reason) for file in metadata.files] == [("used", None), ("skipped", "over_quota")]
        assert [file.name for file in house.history.list_files(ANN, "chat")] == ["sky.txt"]
        assert told[-1] == Done("completed")

    def test_two_in_one_process_share_a_store_and_nothing_else(self, settings: Settings, assemble: Assemble) -> None:
        one, two = assemble(settings, upstream=FakeUpstream()), assemble(settings, upstream=FakeUpstream())
        ask(one, "Why?")
        two.runner.ensure_threads()
        assert len(two.history.load_conversation(ANN, "chat", "", 9).turns) == 1
        assert len(list((settings.data / "workers").iterdir())) == 2

    def test_one_stops_the_answer_of_the_other(self, settings: Settings, assemble: Assemble) -> None:
        never = threading.Event()
        one = assemble(settings, upstream=FakeUpstream([never]))
        two = assemble(settings, upstream=FakeUpstream())
        running = begin(one, "Why?")
        assert ask(two, "And now?")[-1] == Done("completed")
        assert read(one, running)[-1] == Done("cancelled")

    def test_one_reads_the_answer_of_the_other_while_it_is_written(
        self, settings: Settings, assemble: Assemble
    ) -> None:
        go = threading.Event()
        one = assemble(settings, upstream=FakeUpstream([TextDelta("The answer "), go, TextDelta("is 42."), STOPPED]))
        two = assemble(settings)
        two.runner.ensure_threads()
        running = begin(one, "Why?")
        source = two.runner.find_answer(ANN, running.answer_id)
        assert source
        go.set()
        assert read(two, source) == read(one, running)
        assert read(two, source)[-1] == Done("completed")

    def test_the_meter_counts_what_is_answered(self, settings: Settings, assemble: Assemble) -> None:
        house = assemble(settings, upstream=FakeUpstream())
        ask(house, "Why?")
        eventually(lambda: b"qa_deltas_total 2.0" in house.meter.text())
        assert b'qa_answers_total{reason="stop",status="completed"} 1.0' in house.meter.text()

    def test_upstream_knows_an_owner_by_another_hash(self, settings: Settings, assemble: Assemble) -> None:
        house = assemble(settings, upstream=(upstream := FakeUpstream()))
        ask(house, "Why?")
        expected = hmac.new(SECRET.encode(), b"upstream " + ANN.key.encode(), hashlib.sha256).hexdigest()
        assert upstream.prompts[0].safety_identifier == expected


class TestChoosing:
    @pytest.mark.parametrize(
        ("changed", "model"),
        [
            ({}, "offline"),
            ({"openai_api_key": "sk-1"}, "gpt-4.1-mini"),
            ({"chat_base_url": "http://h.example", "chat_model": "llama"}, "llama"),
            ({"model": "gpt-5"}, "offline"),
        ],
    )
    def test_the_model_told_is_the_one_that_answers(
        self, settings: Settings, assemble: Assemble, changed: dict[str, str], model: str
    ) -> None:
        assert assemble(replace(settings, **changed)).desk.model == model

    def test_a_hosts_upstream_answers_as_the_settings_model(self, settings: Settings, assemble: Assemble) -> None:
        assert assemble(settings, upstream=FakeUpstream()).desk.model == "gpt-4.1-mini"

    def test_a_model_without_a_key_is_refused_by_the_settings_names(
        self, settings: Settings, assemble: Assemble
    ) -> None:
        with pytest.raises(SettingsError, match="QA_UPSTREAM: responses needs OPENAI_API_KEY"):
            assemble(replace(settings, upstream="responses"))
        with pytest.raises(SettingsError, match="QA_UPSTREAM: chat needs QA_CHAT_BASE_URL"):
            assemble(replace(settings, upstream="chat"))

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"openai_api_key": "sk-1", "models_fallback": ("a", "chat:b")}, "chat needs QA_CHAT_BASE_URL"),
            ({"chat_base_url": "http://h.example", "models_fallback": ("responses:b",)}, "needs OPENAI_API_KEY"),
        ],
    )
    def test_a_model_of_a_server_that_isnt_there_is_refused_by_the_settings_names(
        self, settings: Settings, assemble: Assemble, fields: dict[str, object], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=f"QA_MODELS_FALLBACK: .*{message}"):
            assemble(replace(settings, **fields))

    @pytest.mark.parametrize(("upstream", "asked"), [("responses", "responses"), ("chat", "chat/completions")])
    def test_of_two_servers_the_one_that_is_chosen_is_asked_first(
        self, settings: Settings, assemble: Assemble, upstream: str, asked: str
    ) -> None:
        with ScriptedUpstream() as server:
            chosen = replace(
                settings,
                upstream=upstream,
                openai_api_key="sk-1",
                openai_base_url=server.url,
                chat_base_url=server.url,
                chat_model="llama",
            )
            assert ask(assemble(chosen), "Why?")[-1] == Done("completed")
            (request,) = server.requests
        assert request.path == f"/v1/{asked}"
        assert request.body["model"] == ("llama" if upstream == "chat" else "gpt-4.1-mini")

    def test_a_data_folder_in_which_no_other_can_be_made_is_named(self, settings: Settings, assemble: Assemble) -> None:
        settings.data.mkdir()
        (settings.data / "uploads").touch()
        with pytest.raises(SettingsError, match="QA_DATA: expected"):
            assemble(settings)

    @pytest.mark.parametrize("field", ["image_search_key", "image_search_id"])
    def test_a_key_for_pictures_without_a_search_engine_is_refused(
        self, settings: Settings, assemble: Assemble, field: str
    ) -> None:
        with pytest.raises(SettingsError, match="QA_IMAGE_SEARCH_KEY, QA_IMAGE_SEARCH_ID: expected both"):
            assemble(replace(settings, **{field: "abc"}))

    def test_drift_can_be_turned_off(self, settings: Settings, assemble: Assemble) -> None:
        assert isinstance(assemble(settings).desk.detector, LearnedDrift)
        detector = assemble(replace(settings, drift="off")).desk.detector
        assert isinstance(detector, KeepTopic)
        assert not detector.judge_topic("By the way, who won?", Session("chat", 1), {}).drifted


class TestSecret:
    def test_one_is_made_and_kept_where_none_is_set(self, settings: Settings, assemble: Assemble) -> None:
        made = assemble(replace(settings, secret="")).secret
        assert assemble(replace(settings, secret="")).secret == made
        assert (settings.data / "secret").read_text() == made

    def test_with_a_shared_store_that_is_worth_a_warning(
        self, settings: Settings, assemble: Assemble, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            assemble(replace(settings, secret=""))
        assert "QA_SECRET is not set" in caplog.text


class TestStore:
    def test_without_one_a_private_one_runs(self, tmp_path: Path, assemble: Assemble) -> None:
        data = tmp_path / "qa"
        house = assemble(Settings(data=data), upstream=FakeUpstream())
        house.check_store()
        ask(house, "Why?")
        assert assemble(Settings(data=data)).history.list_sessions(ANN, "", 9).items[0].turns == 1
        house.runner.shut_down("interrupted", 2.0)
        shutil.rmtree(socket_path(data).parent)

    def test_one_that_is_away_is_told(self, settings: Settings, assemble: Assemble) -> None:
        house = assemble(replace(settings, redis_url="unix:///nowhere/redis.sock"))
        with pytest.raises(StoreUnavailable):
            house.check_store()


def test_a_finished_answer_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seen = Observation(
        "a1",
        "user",
        "completed",
        "stop",
        "gpt-5",
        usage=Usage(1, 2, 3),
        timing=Timing(None, 5),
        topic=1,
        drifted=False,
        files=0,
        references=0,
        saved=True,
    )
    with caplog.at_level(logging.INFO, logger="qa_service.answers"):
        log_answer(seen)
    (record,) = caplog.records
    assert msgspec.json.decode(record.getMessage(), type=Observation) == seen
    assert "\n" not in record.getMessage()
