"""The command line: one question asked here, and what `serve` would become."""

import errno
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qa_service import cli, console
from qa_service.arguments import COMMANDS, EXAMPLES, build_parser, read_arguments
from qa_service.cli import GREETING, become_server, run_command
from qa_service.errors import EncoderMissing, StoreUnavailable
from qa_service.knowledge.database import Database
from qa_service.running.log import MemoryLog
from qa_service.running.written import RunningAnswer
from qa_service.setting_readers import SETTING_READERS
from qa_service.settings import Settings, SettingsError
from tests.fakes import WAITING_SECONDS, admission
from tests.knowledge.shelf import ask, put
from tests.live.processes import free_port
from tests.samples import ROOT
from tests.scripted_upstream import KOREAN, Script, ScriptedUpstream

PROGRAM = f"{sys.executable} -m qa_service"
INTERRUPTED_IMPORT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "{}":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from qa_service.__main__ import start_command
start_command()
"""
RULES = "Dogs must be kept on a leash.\n이용 요금은 하루에 만 원입니다.\n"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_valkey: Redis) -> Iterator[Path]:
    """Give a folder with a file to ask about, a store, and no model. Ctrl-C is given back afterwards."""
    private_valkey.flushall()
    for key in SETTING_READERS:
        monkeypatch.setenv(key, "")  # then it is also given back where a command sets it
        monkeypatch.delenv(key)
    monkeypatch.setenv("REDIS_URL", f"unix://{private_valkey.connection_pool.connection_kwargs['path']}")
    monkeypatch.setenv("QA_DATA", str(tmp_path / "qa"))
    monkeypatch.setenv("QA_SECRET", "0123456789abcdef")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.txt").write_text(
        "Dogs must be kept on a leash.\n이용 요금은 하루에 만 원입니다.\n", encoding="utf-8"
    )
    before = signal.getsignal(signal.SIGINT)
    yield tmp_path
    signal.signal(signal.SIGINT, before)


class Watched(io.StringIO):
    """A `Watched` is a terminal at which somebody presses Ctrl-C as soon as something is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = threading.Event()

    def write(self, text: str) -> int:
        self._shown.set()
        return super().write(text)

    def interrupt(self) -> None:
        assert self._shown.wait(WAITING_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)


Captured = pytest.CaptureFixture[str]


class TestAsking:
    def test_a_question_about_a_file_is_answered_with_its_source(self, capsys: Captured) -> None:
        run_command(["ask", "Is a leash needed for dogs?", "--file", "rules.txt"])
        out, err = capsys.readouterr()
        assert "“Dogs must be kept on a leash.” [1]" in out
        assert "\n[1] rules.txt\n    “Dogs must be kept on a leash.”\n" in out
        assert re.search(r"— offline · 0 tokens · [\d.]+ s · session [0-9a-f]{32}\n$", out)
        assert "rules.txt: txt, 1 pages, used" in err

    def test_a_question_in_korean_is_answered_in_korean(self, capsys: Captured) -> None:
        run_command(["ask", "이용 요금이 얼마인가요?", "--file", "rules.txt"])
        out, _ = capsys.readouterr()
        assert out.startswith("연결된 AI 모델이 없어")
        assert "이용 요금은 하루에 만 원입니다." in out

    def test_the_session_goes_on_with_its_file(self, capsys: Captured) -> None:
        run_command(["ask", "Is a leash needed for dogs?", "--file", "rules.txt"])
        session = capsys.readouterr().out.split()[-1]
        run_command(["ask", "Dogs on a leash, really?", "--session", session])
        out, _ = capsys.readouterr()
        assert "“Dogs must be kept on a leash.” [1]" in out
        assert out.split()[-1] == session

    def test_the_file_asked_about_stays_and_its_copy_goes(self, site: Path) -> None:
        run_command(["ask", "Dogs?", "--file", "rules.txt"])
        assert (site / "rules.txt").exists()
        assert list((site / "qa" / "uploads").iterdir()) == []

    def test_a_name_that_is_no_text_is_read_all_the_same(self, site: Path, capsys: Captured) -> None:
        odd = site / os.fsdecode(b"\xed\xa0\xbd.txt")
        odd.write_text(RULES, encoding="utf-8")
        run_command(["ask", os.fsdecode(b"Is a leash needed for dogs? \xff"), "--file", str(odd)])
        assert "“Dogs must be kept on a leash.” [1]" in capsys.readouterr().out

    def test_a_file_that_is_not_there_ends_it(self) -> None:
        with pytest.raises(SystemExit) as end:
            run_command(["ask", "Dogs?", "--file", "nowhere.txt"])
        assert end.value.code == "qa-service: nowhere.txt: no such file, or it can't be read"

    def test_a_name_changes_nothing_at_the_terminal(self) -> None:
        with pytest.raises(SystemExit, match="no␛where"):
            run_command(["ask", "Dogs?", "--file", "no\x1bwhere.txt"])

    def test_a_question_and_a_file_name_in_another_charset_are_understood(self, site: Path, capsys: Captured) -> None:
        name = os.fsdecode("규칙.txt".encode("cp949"))
        (site / name).write_text(RULES, encoding="utf-8")
        run_command(["ask", os.fsdecode("이용 요금이 얼마인가요?".encode("cp949")), "--file", name])
        out, err = capsys.readouterr()
        assert "이용 요금은 하루에 만 원입니다." in out
        assert "규칙.txt: txt" in err

    def test_a_failed_answer_ends_with_one(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        with ScriptedUpstream() as upstream:
            upstream.script(Script(status=401, error={"code": "invalid_api_key", "type": "invalid_request_error"}))
            monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
            monkeypatch.setenv("OPENAI_BASE_URL", upstream.url)
            with pytest.raises(SystemExit) as end:
                run_command(["ask", "Dogs?"])
        assert end.value.code == 1
        assert "upstream_rejected" in capsys.readouterr().err

    def test_ctrl_c_stops_the_answer_and_keeps_what_came(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", screen := Watched())
        with ScriptedUpstream() as upstream:
            upstream.script(Script(fault="hang", after=6))
            monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
            monkeypatch.setenv("OPENAI_BASE_URL", upstream.url)
            impatient = threading.Thread(target=screen.interrupt)
            impatient.start()
            run_command(["ask", "Dogs?"])
            impatient.join()
            assert upstream.wait_closed(WAITING_SECONDS)
        text, _, summary = screen.getvalue().partition("\n\n— ")
        assert text
        assert KOREAN.startswith(text)
        assert "session" in summary

    def test_a_second_ctrl_c_leaves_at_once(self) -> None:
        running = RunningAnswer(admission(), MemoryLog(), seconds=60, entries=1)
        console._interrupt(running, signal.SIGINT, None)
        assert running.stop.reason == "cancelled"
        with pytest.raises(KeyboardInterrupt):
            console._interrupt(running, signal.SIGINT, None)


class TestComplaining:
    def test_a_wrong_setting_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("QA_TRIES", "never")
        with pytest.raises(SystemExit) as end:
            run_command(["ask", "Dogs?"])
        assert end.value.code == "qa-service: QA_TRIES: expected a whole number from 1 on"

    def test_an_error_changes_nothing_at_the_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> Settings:
            raise StoreUnavailable("gone \x1b]0;title\x07")

        monkeypatch.setattr(cli, "from_environment", broken)
        with pytest.raises(SystemExit) as end:
            run_command(["ask", "Dogs?"])
        assert end.value.code == "qa-service: gone ␛]0;title␇"

    def test_a_refused_question_leaves_no_copy_of_its_files(self, site: Path) -> None:
        with pytest.raises(SystemExit, match="question: holds NUL"):
            run_command(["ask", "Dogs\x1b?", "--file", "rules.txt"])
        assert list((site / "qa" / "uploads").iterdir()) == []

    @pytest.mark.parametrize("command", ["ask", "index"])
    def test_a_data_folder_that_cannot_be_used_is_told_as_serve_does(self, site: Path, command: str) -> None:
        (site / "gone").symlink_to(site / "nowhere" / "qa")
        with pytest.raises(
            SystemExit, match=r"qa-service: the data folder .*/gone can't be used \(.+\): let this user"
        ):
            run_command([command, "rules.txt", "--data", "gone"])

    def test_a_store_that_is_not_there_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
        with pytest.raises(SystemExit) as end:
            run_command(["ask", "Dogs?"])
        assert end.value.code == (
            "qa-service: The store does not answer: start Redis at /nowhere/redis.sock, or correct REDIS_URL; "
            "without REDIS_URL the service has its own store."
        )

    @pytest.mark.parametrize("arguments", [[], ["fly"], ["ask"], ["serve", "--flavour", "1"]])
    def test_being_asked_wrongly_ends_with_two(self, arguments: list[str], capsys: Captured) -> None:
        with pytest.raises(SystemExit) as end:
            run_command(arguments)
        assert end.value.code == 2
        assert "usage: qa-service" in capsys.readouterr().err

    def test_an_argument_that_is_not_known_changes_nothing_at_the_terminal(self, capsys: Captured) -> None:
        """A shell that finds several files for `--file *.txt` hands over their names."""
        with pytest.raises(SystemExit):
            run_command(["ask", "Dogs?", "--file", "rules.txt", "\x1b]0;title\x07.txt"])
        assert "␛]0;title␇.txt" in capsys.readouterr().err

    def test_the_version_is_told(self, capsys: Captured) -> None:
        with pytest.raises(SystemExit) as end:
            run_command(["--version"])
        assert end.value.code == 0
        assert capsys.readouterr().out == f"qa-service {version('qa-service')}\n"


class TestServing:
    def served(self, site: Path, host: str = "127.0.0.1", **changes: Any) -> tuple[list[str], int, str]:
        """Return the command it would have become, the port, and what it would say when it listens."""
        commands: list[list[str]] = []
        port = free_port(host)
        settings = Settings(**{"data": site / "qa", "host": host, "port": port, **changes})
        become_server(settings, read_arguments(["serve"]), commands.append)
        (command,) = commands
        return command, port, os.environ.pop(GREETING)

    def test_without_a_model_the_page_needs_no_key(self, site: Path) -> None:
        _, port, said = self.served(site)
        assert f"\n  http://127.0.0.1:{port}/\n" in said
        assert "quotes from your files" in said

    def test_says_nothing_of_an_address_before_it_listens(self, site: Path, capsys: Captured) -> None:
        self.served(site)
        assert capsys.readouterr() == ("", "")

    def test_with_a_model_the_link_carries_one(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("QA_API_KEYS", "")
        out = "".join(self.served(site, openai_api_key="sk-test", model="gpt-5")[2] for _ in range(2))
        links = set(re.findall(r"http://127\.0\.0\.1:\d+/#key=([\w-]{16,})\n", out))
        assert len(links) == 1
        assert os.environ["QA_API_KEYS"] == f"page:{links.pop()}:personal"
        assert "Answers by gpt-5." in out
        assert "sk-test" not in out

    @pytest.mark.parametrize("known", [{"api_keys": ("any",)}, {"allow_anonymous": True}])
    def test_a_site_that_knows_its_callers_gets_no_key(self, site: Path, known: dict[str, object]) -> None:
        assert "#key" not in self.served(site, openai_api_key="sk-test", **known)[2]

    def test_it_becomes_gunicorn_with_our_configuration(self, site: Path) -> None:
        command, _, _ = self.served(site)
        assert command[1:4] == ["-m", "gunicorn", "-c"]
        assert "worker_class = Worker" in Path(command[4]).read_text()
        assert command[5] == "qa_service.web.serving:make_served_app()"

    @pytest.mark.parametrize(
        ("host", "address"),
        [("0.0.0.0", "http://localhost:{}/"), ("::", "http://localhost:{}/"), ("::1", "http://[::1]:{}/")],
    )
    def test_the_address_can_be_opened(self, site: Path, host: str, address: str) -> None:
        _, port, said = self.served(site, host, allow_anonymous=True)
        assert f"\n  {address.format(port)}\n" in said

    def test_it_does_not_open_to_everybody(self, site: Path) -> None:
        with pytest.raises(SystemExit, match=r"not listening on 0\.0\.0\.0"):
            self.served(site, "0.0.0.0")

    def test_becoming_another_program_runs_it(self) -> None:
        child = os.fork()
        if child == 0:
            cli._become(["/bin/sh", "-c", "exit 7"])
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7

    def test_its_options_win_over_the_settings_also_in_the_server_that_it_becomes(
        self, site: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in (("HOST", "::1"), ("PORT", "1"), ("QA_DATA", "elsewhere")):
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(cli, "_become", lambda command: None)
        port = free_port()
        run_command(["serve", "--host", "127.0.0.1", "--port", str(port), "--data", str(site / "here")])
        assert f"\n  http://127.0.0.1:{port}/\n" in os.environ.pop(GREETING)
        assert (os.environ["HOST"], os.environ["PORT"]) == ("127.0.0.1", str(port))
        assert os.environ["QA_DATA"] == str(site / "here")

    def test_a_redis_that_is_not_there_is_told_and_waited_for(
        self, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        self.served(site, redis_url=f"redis://:geheim@127.0.0.1:{free_port()}/0")
        _, err = capsys.readouterr()
        assert re.fullmatch(r"qa-service: The store does not answer: start Redis at 127\.0\.0\.1:\d+, or [^\n]+\n", err)
        assert "geheim" not in err

    def test_an_encoder_that_is_wanted_and_missing_is_told_first(
        self, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        def load_nothing() -> None:
            raise EncoderMissing("the extra isn't installed: pip install 'qa-service[semantic]'")

        monkeypatch.setattr("qa_service.assembly.load_encoder", load_nothing)
        with pytest.raises(SettingsError, match=r"qa-service\[semantic\]"):
            self.served(site, semantic="on")
        assert capsys.readouterr().out == ""

    def test_a_redis_that_answers_is_not_spoken_of(self, site: Path, capsys: Captured) -> None:
        self.served(site, redis_url=os.environ["REDIS_URL"])
        assert capsys.readouterr().err == ""


class TestNotServing:
    """What keeps a server from starting is one line, and no address is printed before it."""

    def said(self, capsys: Captured, *arguments: str) -> str:
        with pytest.raises(SystemExit) as end:
            run_command(["serve", *arguments])
        assert capsys.readouterr().out == ""
        said = str(end.value.code)
        assert said.startswith("qa-service: ")
        assert "\n" not in said
        return said

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_a_port_that_is_taken_is_named(self, host: str, capsys: Captured) -> None:
        with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as taken:
            port = taken.getsockname()[1]
            said = self.said(capsys, "--host", host, "--port", str(port))
        assert f"port {port} of {host} is taken" in said
        assert "--port" in said

    def test_an_address_of_another_machine_is_refused(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        monkeypatch.setenv("QA_ALLOW_ANONYMOUS", "on")
        assert "--host" in self.said(capsys, "--host", "192.0.2.1")

    def test_a_port_that_this_user_may_not_use_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(socket.socket, "bind", refuse)
        assert "from 1024 on" in self.said(capsys, "--port", "80")

    @pytest.mark.parametrize("folder", ["/proc/qa", "/dev/null/qa"])
    def test_a_data_folder_that_can_not_be_made_is_refused(self, folder: str, capsys: Captured) -> None:
        refused = pytest.raises(SystemExit)
        with refused as end:
            run_command(["serve", "--data", folder])
        out, err = capsys.readouterr()
        assert out == ""
        assert "--data" in f"{end.value.code}{err}"

    def test_a_data_folder_on_a_full_disk_is_refused(self, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
        assert "no space left on device" in self.said(capsys)


class TestEnding:
    """However a command ends, it shows no traceback."""

    @staticmethod
    def ended(command: str) -> tuple[int, str]:
        ran = subprocess.run(["bash", "-c", f"{command}"], capture_output=True, text=True, env=dict(os.environ))
        return ran.returncode, ran.stderr

    def test_a_reader_that_has_read_enough_ends_it_without_a_word(self) -> None:
        status, err = self.ended(f"set -o pipefail; {PROGRAM} ask 'Dogs?' --file rules.txt | true")
        assert (status, "Traceback" in err, "Error" in err) == (141, False, False)

    def test_output_that_can_not_be_written_is_told_in_one_line(self) -> None:
        status, err = self.ended(f"{PROGRAM} ask 'Dogs?' --file rules.txt >/dev/full")
        assert status == 1
        assert re.fullmatch(r"qa-service: .*no space left on device.*", err.splitlines()[-1])
        assert "Traceback" not in err

    def test_ctrl_c_before_anything_is_asked_ends_it_without_a_word(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(console, "ask_once", lambda *_, **__: interrupt())
        with pytest.raises(SystemExit) as end:
            run_command(["ask", "Dogs?"])
        assert end.value.code == 130
        assert capsys.readouterr() == ("", "")

    def test_ctrl_c_while_a_server_starts_ends_it_without_a_word(self, site: Path) -> None:
        started = "import runpy, os, signal; runpy.run_path('{}'); os.kill(os.getpid(), signal.SIGINT)"
        ran = subprocess.run(
            [sys.executable, "-c", started.format(ROOT / "gunicorn.conf.py")], capture_output=True, text=True
        )
        assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")

    @pytest.mark.parametrize("module", ["qa_service.cli", "qa_service.settings"])
    def test_ctrl_c_while_the_program_is_imported_ends_it_without_a_word(self, module: str) -> None:
        ran = subprocess.run([sys.executable, "-c", INTERRUPTED_IMPORT.format(module)], capture_output=True, text=True)
        assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")

    def test_ctrl_c_while_it_becomes_a_server_is_heard_by_that_server(self) -> None:
        configuration = ROOT / "gunicorn.conf.py"
        interrupt = f"import os, runpy; os.kill(os.getpid(), {signal.SIGINT}); runpy.run_path('{configuration}')"
        becoming = f"from qa_service.cli import _become; _become([{sys.executable!r}, '-c', {interrupt!r}])"
        ran = subprocess.run([sys.executable, "-c", becoming], capture_output=True, text=True)
        assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "", "")

    def test_output_that_is_closed_is_told_before_anything_is_done(self) -> None:
        status, err = self.ended(f"{PROGRAM} ask 'Dogs?' --file rules.txt >&-")
        assert (status, err) == (1, "qa-service: the standard output is closed, so nothing could be shown\n")

    def test_what_is_being_done_may_be_told_to_nobody(self) -> None:
        ran = subprocess.run(
            ["bash", "-c", f"{PROGRAM} ask 'Is a leash needed for dogs?' --file rules.txt 2>&- <&-"],
            capture_output=True,
        )
        assert ran.returncode == 0
        assert b"leash" in ran.stdout

    def test_a_server_may_have_a_closed_output(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, err = self.ended(f"{PROGRAM} serve --port {port} >&-")
        assert (status, err.count("\n"), f"port {port} of 127.0.0.1 is taken" in err) == (1, 1, True)


class TestHelp:
    @pytest.mark.parametrize("command", ["", *COMMANDS])
    def test_of_each_command_has_examples_that_can_be_typed(self, command: str, capsys: Captured) -> None:
        with pytest.raises(SystemExit) as end:
            run_command([*command.split(), "--help"])
        assert end.value.code == 0
        assert "examples:\n  qa-service " in capsys.readouterr().out
        shown = re.findall(r"^  ((?:[A-Z_]+=\S+ )?qa-service .+)$", EXAMPLES[command], re.M)
        typed = [re.split(r" {2,}", line)[0] for line in shown]
        assert typed
        for line in typed:
            words = shlex.split(line)
            build_parser().parse_args(words[words.index("qa-service") + 1 :])

    @pytest.mark.parametrize(
        "arguments",
        [
            ["serve", "--port", "0"],
            ["serve", "--host", "http://x"],
            ["doctor", "www.example.com"],
            ["doctor", "ftp://www.example.com"],
            ["doctor", "http://a:b"],
            ["doctor", "http://a", "--header", "Cookie"],
            ["doctor", "http://a", "--header", "Cookie: 로그인"],
            ["doctor", "http://a", "--seconds", "601"],
            ["doctor", "http://a", "--body", "-1"],
        ],
    )
    def test_a_wrong_argument_ends_with_two_and_says_what_was_expected(
        self, arguments: list[str], capsys: Captured
    ) -> None:
        with pytest.raises(SystemExit) as end:
            run_command(arguments)
        assert end.value.code == 2
        assert "expected" in capsys.readouterr().err


class TestKnowledge:
    def test_it_moves_to_another_server_by_a_setting_and_a_command(
        self, knowledge: Database, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(knowledge, "rules.txt", "Dogs must be kept on a leash.")
        socket = Path(knowledge.engine.find_server()["unix_sock"]).parent
        monkeypatch.setenv("QA_DATABASE_URL", f"postgresql://qa@/postgres?host={socket}")
        run_command(["backup", "knowledge.gz"])
        put(knowledge, "more.txt", "Cats needn't be.")
        run_command(["restore", "knowledge.gz"])
        assert [found.passage.text for found in ask(knowledge, "dogs cats")] == ["Dogs must be kept on a leash."]
        assert capsys.readouterr().out.splitlines() == [
            "knowledge.gz has the knowledge base with its 1 document.",
            "The knowledge base is that of knowledge.gz, with its 1 document.",
        ]

    @pytest.mark.parametrize("arguments", [["index", "rules.txt"], ["backup", "k.gz"]])
    def test_a_server_that_does_not_answer_is_told_with_its_place_and_no_password(
        self, site: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
    ) -> None:
        place = f"127.0.0.1:{free_port()}"
        monkeypatch.setenv("QA_DATABASE_URL", f"postgresql://qa:geheim@{place}/qa")
        with pytest.raises(SystemExit, match=f"start PostgreSQL at {place}, or correct QA_DATABASE_URL") as end:
            run_command(arguments)
        assert "geheim" not in str(end.value.code)

    def test_a_file_that_is_not_there_is_named(self, site: Path) -> None:
        with pytest.raises(SystemExit, match=r"missing\.gz can't be opened"):
            run_command(["restore", "missing.gz"])
