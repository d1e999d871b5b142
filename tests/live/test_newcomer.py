"""A fresh folder, no key, no Redis: the commands that somebody types first, and what survives."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.documents import pdf
from tests.live.processes import (
    BIN,
    ROOT,
    Service,
    clean_environment,
    free_port,
    processes_naming,
    program,
    service,
    status,
    until,
)
from tests.live.reading import Asked, own_id, request
from tests.scripted_upstream import Script, ScriptedUpstream

SERVE = [str(BIN / "qa-service"), "serve"]
PAGES = [
    "사내 규정집입니다. 이 문서는 휴가와 환불을 다룹니다.",
    "휴가는 일 년에 열다섯 날입니다. 신청은 사흘 전에 합니다.",
    "환불은 구매일부터 7일 안에 전액 됩니다. 그 뒤에는 남은 기간에 따라 계산합니다.",
]
REFUND = "환불은 며칠 안에 전액 받을 수 있나요?"


def serve(folder: Path, **settings: str) -> AbstractContextManager[Service]:
    return service(SERVE, folder, free_port(), **settings)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serve(tmp_path_factory.mktemp("newcomer"), WEB_CONCURRENCY="2") as found:
        yield found


class TestServe:
    def test_prints_the_one_link_when_it_listens(self, newcomer: Service) -> None:
        assert newcomer.said.index("Starting gunicorn") < newcomer.said.index(newcomer.url)
        assert newcomer.said.count(newcomer.url) == 1

    def test_prints_a_link_that_is_the_page(self, newcomer: Service) -> None:
        link = re.search(r"http://\S+", newcomer.said)
        assert link is not None
        assert urlsplit(link[0]).fragment == ""
        assert status(link[0]) == 200

    def test_answers_curl_with_a_file_citing_its_page(self, newcomer: Service, tmp_path: Path) -> None:
        file = tmp_path / "규정집.pdf"
        file.write_bytes(pdf(PAGES))
        command = [
            program("curl"),
            "-sSN",
            "-F",
            f"question={REFUND}",
            "-F",
            f"files=@{file}",
            f"{newcomer.url}/api/ask",
        ]
        said = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode()
        frames = [json.loads(line.removeprefix("data: ")) for line in said.split("\n\n") if line]
        kinds = [frame["type"] for frame in frames]
        assert kinds[0] == "start"
        assert kinds[-2:] == ["metadata", "done"]
        assert kinds.index("status") < kinds.index("text") < kinds.index("reference")
        reference = next(frame["content"] for frame in frames if frame["type"] == "reference")
        assert (reference["file"], reference["page"]) == ("규정집.pdf", 3)
        assert "7일" in reference["quote"]
        page = request(newcomer.url, reference["url"])[1]
        assert " ".join(reference["quote"].split()) in " ".join(page["text"].split())

    def test_answers_a_follow_up_from_the_same_file(self, newcomer: Service) -> None:
        session = own_id()
        for question, files in (("휴가는 며칠인가요?", {"규정집.pdf": pdf(PAGES)}), (REFUND, {})):
            with Asked(newcomer.url, question, files=files, sessionId=session, topic="keep") as asked:
                asked.finish()
        assert "7일" in asked.text
        assert request(newcomer.url, f"/api/sessions/{session}")[1]["turns"][0]["references"][0]["page"] == 3

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
    def test_is_for_this_machine_alone(self, newcomer: Service, header: str) -> None:
        assert status(f"{newcomer.url}/api/config") == 200
        assert status(f"{newcomer.url}/api/config", **{header: "127.0.0.1"}) == 401
        assert status(f"{newcomer.url}/api/config", Host="evil.example") == 401

    def test_with_a_model_prints_a_link_with_a_key_that_is_needed(
        self, upstream: ScriptedUpstream, tmp_path: Path
    ) -> None:
        with serve(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=upstream.url) as served:
            link = re.search(r"http://\S+", served.said)
            assert link is not None
            name, _, key = urlsplit(link[0]).fragment.partition("=")
            assert name == "key"
            assert len(key) >= 32
            assert status(f"{served.url}/api/config") == 401
            assert status(f"{served.url}/api/config", Authorization=f"Bearer {key}") == 200
            with Asked(served.url, "안녕?", headers={"Authorization": f"Bearer {key}"}) as asked:
                assert asked.finish().status == "completed"
            kept = [path for path in (tmp_path / "data").iterdir() if path.is_file() and path.read_text() == key]
            assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
            assert "sk-test" not in served.said

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_refuses_to_listen_to_everybody_without_keys(self, tmp_path: Path, host: str) -> None:
        env = clean_environment({"HOST": host, "PORT": str(free_port()), "QA_DATA": str(tmp_path)})
        ended = subprocess.run(SERVE, cwd=tmp_path, env=env, capture_output=True, timeout=20, check=False)
        said = ended.stderr.decode()
        assert ended.returncode == 1
        assert "QA_API_KEYS" in said
        assert "Traceback" not in said

    def test_wrong_setting_is_refused_in_a_sentence(self, tmp_path: Path) -> None:
        env = clean_environment({"QA_MAX_FILES": "many", "QA_DATA": str(tmp_path)})
        ended = subprocess.run(SERVE, cwd=tmp_path, env=env, capture_output=True, timeout=20, check=False)
        assert ended.returncode == 1
        assert "QA_MAX_FILES" in ended.stderr.decode()
        assert "Traceback" not in ended.stderr.decode()


class TestAsk:
    def test_prints_the_answer_and_its_sources(self, tmp_path: Path) -> None:
        file = tmp_path / "규정집.pdf"
        file.write_bytes(pdf(PAGES))
        env = clean_environment({"QA_DATA": str(tmp_path / "data")})
        command = [str(BIN / "qa-service"), "ask", REFUND, "--file", str(file)]
        ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=40, check=True)
        said = ended.stdout.decode()
        assert "7일" in said
        assert "규정집.pdf, page 3" in said
        assert "규정집.pdf" in ended.stderr.decode()
        assert file.exists()


class TestSurviving:
    def test_sessions_are_there_after_everything_was_killed(self, tmp_path: Path) -> None:
        session = own_id()
        with serve(tmp_path) as first:
            with Asked(first.url, REFUND, files={"규정집.pdf": pdf(PAGES)}, sessionId=session) as asked:
                assert asked.finish().status == "completed"
            # While a busy disk still writes what came before, the store keeps what comes next for two seconds at most.
            time.sleep(2)
            os.killpg(first.process.pid, signal.SIGKILL)
            for store in processes_naming(str(tmp_path / "data")):
                with suppress(ProcessLookupError):
                    os.kill(store, signal.SIGKILL)
        with serve(tmp_path) as second:
            code, shown = request(second.url, f"/api/sessions/{session}")
            assert code == 200
            assert [turn["text"] for turn in shown["turns"]] == [asked.text]
            with Asked(second.url, "휴가는 며칠인가요?", sessionId=session, topic="keep") as again:
                assert "열다섯" in again.finish().text
        until(lambda: not processes_naming(str(tmp_path / "data")), 20, "the store ends after its last user")


class TestFlaskRun:
    def test_answers_and_streams(self, upstream: ScriptedUpstream, tmp_path: Path) -> None:
        port = free_port()
        command = [str(BIN / "flask"), "--app", str(ROOT / "wsgi.py"), "run", "--port", str(port)]
        settings = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url, "QA_ALLOW_ANONYMOUS": "on"}
        with service(command, tmp_path, port, **settings) as served:
            upstream.script(Script(deltas=20, rate=20))
            with Asked(served.url, "안녕?") as asked:
                first = asked.first("text").at
                assert asked.finish().status == "completed"
            assert asked.seen[-1].at - first > 0.5
            with Asked(served.url, REFUND, files={"규정집.pdf": pdf(PAGES)}) as asked:
                assert asked.finish().seen[-2].content["files"][0]["status"] == "used"
            code, problem = request(
                served.url, "/api/ask", "POST", body=b"{", headers={"Content-Type": "application/json"}
            )
            assert (code, problem["code"]) == (400, "bad_json")


class TestPhone:
    def test_gets_through_with_a_token_an_upload_and_a_follow_up(
        self, upstream: ScriptedUpstream, tmp_path: Path
    ) -> None:
        """It gives up after ten seconds of silence; upstream is silent for twelve."""
        key = "site-secret-0123456789"
        keys = {"QA_API_KEYS": f"site:{key}", "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
        with serve(tmp_path, **keys) as served:
            headers = {"Authorization": f"Bearer {key}", "X-User-Id": "user-1"}
            _, made = request(served.url, "/api/tokens", "POST", headers=headers)
            phone = {"Authorization": f"Bearer {made['token']}"}
            upstream.script(Script(delay=12))
            with Asked(served.url, REFUND, files={"규정집.pdf": pdf(PAGES)}, headers=phone, timeout=10) as asked:
                assert asked.finish().status == "completed"
            assert "heartbeat" in [seen.kind for seen in asked.seen]
            with Asked(
                served.url, "그 뒤에는요?", headers=phone, timeout=10, sessionId=asked.session_id, topic="keep"
            ) as again:
                assert again.finish().status == "completed"
            assert "7일" in json.dumps(upstream.requests[-1].body, ensure_ascii=False)
            assert request(served.url, f"/api/sessions/{asked.session_id}")[0] == 401
