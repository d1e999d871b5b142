"""The example of a phone, as it stands."""

import json
import subprocess
from pathlib import Path

from tests.live.processes import ROOT, gunicorn
from tests.scripted_upstream import Script, ScriptedUpstream

SECRET = "server-secret-0123456789"
TEXT = " ".join(f"{number}번째" for number in range(60))


def test_loses_its_connection_and_nothing_else_pays_once_and_stops_when_told(
    redis_url: str, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.script(Script(text=TEXT, rate=40), Script(deltas=600, rate=20))
    report = tmp_path / "report.txt"
    report.write_text("The report says that all is well.")
    settings = {"REDIS_URL": redis_url, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
    with gunicorn(tmp_path, QA_API_KEYS=f"site:{SECRET}", **settings) as served:
        command = [ROOT / "examples/phone.sh", f"{served.url}/api", SECRET, report, "What does it say?", "And why?"]
        tried = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    assert tried.returncode == 0, tried.stderr
    frames = [json.loads(line) for line in tried.stdout.splitlines()]
    end = [frame["type"] for frame in frames].index("done") + 1
    assert "… cut after" in tried.stderr
    assert "".join(frame["content"] for frame in frames[:end] if frame["type"] == "text") == TEXT
    assert len(upstream.requests) == 2
    assert [frame["content"]["status"] for frame in frames if frame["type"] == "done"] == ["completed", "cancelled"]
