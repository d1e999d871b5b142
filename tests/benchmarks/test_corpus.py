"""The corpus of our own, through the command line: no release may answer it worse than this."""

import os
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.corpus import build_corpus
from benchmarks.korean_pdf import FONT
from qa_service.cli import run_command
from qa_service.setting_readers import SETTING_READERS


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_valkey: Redis) -> None:
    """Set a site without a model that searches by words."""
    private_valkey.flushall()
    for key in SETTING_READERS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("REDIS_URL", f"unix://{private_valkey.connection_pool.connection_kwargs['path']}")
    monkeypatch.setenv("QA_DATA", str(tmp_path / "qa"))
    monkeypatch.setenv("QA_SECRET", "0123456789abcdef")
    monkeypatch.setenv("QA_SEMANTIC", "off")


def test_pages_are_found_and_cited_and_what_nothing_answers_is_left_unanswered(
    tmp_path: Path, private_valkey: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    if not os.path.exists(FONT):
        pytest.skip("the font NanumGothic is not installed")
    questions = build_corpus(tmp_path)
    least = ("found_page=0.97", "cited_first=0.95", "cited_page=0.95", "answer_words=0.93", "honest_silence=0.93")
    most = ("wrong_silence=0.05", "wrong_resets=0")
    bounds = [*(f"--at-least={bound}" for bound in least), *(f"--at-most={bound}" for bound in most)]
    run_command(["evaluate", str(questions), *bounds])
    assert "found_page" in capsys.readouterr().out
    assert not [key for key in private_valkey.keys("*") if b"file:" in key]


def test_a_bound_that_is_not_kept_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "a?", "label": "shift", "history": [{"role": "user", "text": "b"}]}\n')
    with pytest.raises(SystemExit) as ended:
        run_command(["evaluate", str(questions), "--at-least", "cited_page=0.5"])
    assert ended.value.code == "cited_page: expected at least 0.5, but it is 0.000 of 0"
    assert "found_shifts" in capsys.readouterr().out


def test_a_bound_of_no_figure_is_a_wrong_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(["evaluate", "questions.jsonl", "--at-most", "errors=0.5"])
    assert ended.value.code == 2
    assert "wrong_resets" in capsys.readouterr().err
