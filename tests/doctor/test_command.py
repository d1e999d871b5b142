"""The command: what is printed, for people and for programs, and the status that it exits with."""

import io
import json
import signal
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from qa_service.arguments import read_arguments
from qa_service.doctor.arrivals import TimedFrame
from qa_service.doctor.command import examine_route
from qa_service.doctor.examination import ExaminationPlan
from qa_service.doctor.findings import make_finding
from qa_service.doctor.progress import ProgressLine
from qa_service.doctor.report import write_finding
from qa_service.settings import Settings
from tests.doctor.faulty_route import Faults, faulty_route
from tests.fakes import Screen
from tests.live.processes import until

NOWHERE = "http://127.0.0.1:9/api"
QUICK = ExaminationPlan(quiet=0, body=0, ticking=0, tick=1)
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def language(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")


def run(*arguments: str) -> int:
    """Run the command. Return the status that it exits with."""
    with pytest.raises(SystemExit) as end:
        examine_route(Settings(), read_arguments(["doctor", *arguments]), QUICK)
    return int(str(end.value.code))


class TestPrinting:
    def test_a_finding_is_a_sentence_with_the_lines_that_mend_it(self, capsys: Captured) -> None:
        with faulty_route(9, Faults(page=502)) as port:
            assert run(f"http://127.0.0.1:{port}/api") == 1
        out = capsys.readouterr().out.splitlines()
        assert out[0].startswith("wrong The proxy answered with 502 by itself: ")
        assert out[1].split(maxsplit=1) == ["nginx", "proxy_pass http://127.0.0.1:8000;"]
        assert out[-1] == "Wrong on this route: 1."

    def test_what_it_prints_is_korean_where_the_terminal_is(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        monkeypatch.setenv("LANG", "ko_KR.UTF-8")
        assert run(NOWHERE) == 1
        out, err = capsys.readouterr()
        assert out.startswith("문제")
        assert out.endswith("이 경로의 문제: 1개.\n")
        assert err == "서비스를 찾는 중 …\n"

    def test_programs_get_one_object(self, capsys: Captured) -> None:
        assert run(NOWHERE, "--json") == 1
        report = json.loads(capsys.readouterr().out)
        assert (report["url"], report["ok"]) == (NOWHERE, False)
        [finding] = report["findings"]
        assert (finding["code"], finding["gravity"]) == ("nobody_listens", "wrong")
        assert finding["facts"] == {"host": "127.0.0.1", "port": 9}

    def test_a_place_on_the_way_changes_nothing_at_the_terminal(self) -> None:
        shown = write_finding(make_finding("redirected", path="/api", location="http://x/\x1b]0;title\x07"), "en")
        assert "␛]0;title␇" in shown

    def test_ctrl_c_ends_it_with_what_was_found_until_then(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        def interrupted(_: object) -> Iterator[object]:
            yield make_finding("reached", url=NOWHERE)
            raise KeyboardInterrupt

        monkeypatch.setattr("qa_service.doctor.command.Examination.list_findings", interrupted)
        assert run(NOWHERE) == 128 + signal.SIGINT
        assert capsys.readouterr().out.startswith(f"ok    The service answers at {NOWHERE}.\n")


class TestProgress:
    def test_a_terminal_shows_how_long_a_step_still_takes_while_nothing_comes(self) -> None:
        out = Screen()
        line = ProgressLine(out, "en", clock=chain([0.0, 0.0], repeat(23.4)).__next__, tick=0.01)
        line.begin_step("quiet", 65)
        line.count_frame(TimedFrame(8.0, {}))
        until(lambda: "heartbeats alone … 23 of 65 s, frames: 1" in out.getvalue(), 2, "the line moves")
        line.erase_line()
        assert "heartbeats alone … 0 of 65 s, frames: 0" in out.getvalue()
        assert out.getvalue().endswith("\r\x1b[K")

    def test_speaks_korean_too(self) -> None:
        out = Screen()
        line = ProgressLine(out, "ko", clock=lambda: 0.0)
        line.begin_step("quiet", 9)
        line.erase_line()
        assert "9초 중 0초, 프레임 0개" in out.getvalue()

    def test_elsewhere_each_step_is_a_line(self) -> None:
        out = io.StringIO()
        line = ProgressLine(out, "en")
        line.begin_step("reach", 0)
        line.begin_step("stream", 4)
        line.erase_line()
        assert out.getvalue() == "looking for the service …\ntrying how a stream arrives …\n"
