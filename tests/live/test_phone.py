"""A phone that asks: the example of a shell, as it stands, and the JavaScript client with what React Native has."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.processes import ROOT, Service, gunicorn, program
from tests.scripted_upstream import Script, ScriptedUpstream

SECRET = "server-secret-0123456789"
TEXT = " ".join(f"{number}번째" for number in range(60))
ANSWER, LONG = Script(text=TEXT, rate=40), Script(deltas=600, rate=20)


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"REDIS_URL": redis_url, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
    with gunicorn(tmp_path_factory.mktemp("phone"), QA_API_KEYS=f"site:{SECRET}", **settings) as found:
        yield found


def test_loses_its_connection_and_nothing_else_pays_once_and_stops_when_told(
    served: Service, model: ScriptedUpstream, tmp_path: Path
) -> None:
    model.script(ANSWER, LONG)
    report = tmp_path / "report.txt"
    report.write_text("The report says that all is well.")
    command = [ROOT / "examples/phone.sh", f"{served.url}/api", SECRET, report, "What does it say?", "And why?"]
    tried = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    assert tried.returncode == 0, tried.stderr
    frames = [json.loads(line) for line in tried.stdout.splitlines()]
    end = [frame["type"] for frame in frames].index("done") + 1
    assert "… cut after" in tried.stderr
    assert "".join(frame["content"] for frame in frames[:end] if frame["type"] == "text") == TEXT
    assert len(model.requests) == 2
    assert [frame["content"]["status"] for frame in frames if frame["type"] == "done"] == ["completed", "cancelled"]


def test_sends_a_cut_upload_again_wakes_up_pages_and_stops_with_the_client_for_javascript(
    served: Service, model: ScriptedUpstream
) -> None:
    model.script(ANSWER, ANSWER, LONG)
    given = json.dumps({"port": served.port, "secret": SECRET})
    command = [program("node"), str(ROOT / "tests/clients/js/phone.mjs"), given]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert tried.returncode == 0, tried.stderr
    assert json.loads(tried.stdout) == {
        "text": TEXT,
        "tokens": 1,
        "files": ["보증.txt"],
        "resumed": TEXT,
        "turns": ["왜요?", "무엇이라고 하나요?"],
        "stopped": "cancelled",
        "kept": True,
    }
    assert len(model.requests) == 3
