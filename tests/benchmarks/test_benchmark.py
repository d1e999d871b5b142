"""The benchmark counts what came, notices what is wrong, and shows it as it is."""

import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from xml.etree import ElementTree
from zlib import crc32

import pytest
from msgspec.structs import replace

from benchmarks.figures import MEASURES, Rounds, percentile, ratios, spread, table
from benchmarks.formats import DIALECTS, compare, open_door
from benchmarks.load import DIFFERENT, OPENAI_EVENTS, Crowd, Door, Tally, fault_of, notation
from benchmarks.picture import draw
from benchmarks.processes import cpu_seconds, holder, memory_kib, tree
from benchmarks.product import measure_pictures
from benchmarks.scenarios import largest
from benchmarks.servers import PRODUCT, ROOT, Place, Ports
from benchmarks.stage import play, staged, upstream_at
from benchmarks.upstream import Script
from qa_service.wire.formats import FORMATS

SHORT_RUN = """
from benchmarks import run, scenarios
scenarios.WARM_UP, scenarios.WINDOW = 0.2, 0.6
run.main()
"""
"""The command, which measures for less time: while it does, it keeps all cores busy."""
ROUNDS: Rounds = {
    ("naive", "flood.cpu"): [90, 100, 110],
    ("express", "flood.cpu"): [12, 12.5, 13],
    (PRODUCT, "flood.cpu"): [4, 5, 5],
    ("naive", "capacity.streams"): [100],
    (PRODUCT, "capacity.streams"): [850],
    (PRODUCT, "redis.commands"): [61.4],
}
SERVERS = ("naive", "express", PRODUCT)
FLOOD, CAPACITY = (
    next(measure for measure in MEASURES if measure.key == key) for key in ("flood.cpu", "capacity.streams")
)


class TestFigures:
    @pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0.5, 1)])
    def test_a_percentile_is_the_nearest_rank(self, percent: float, expected: float) -> None:
        assert percentile(random.sample(range(1, 101), 100), percent) == expected

    def test_a_percentile_of_nothing_is_not_a_number(self) -> None:
        assert isnan(percentile([], 50))

    def test_the_spread_is_half_the_distance_of_the_extremes(self) -> None:
        assert spread([90, 100, 130]) == pytest.approx(0.2)

    def test_a_ratio_compares_medians_whichever_way_is_better(self) -> None:
        assert ratios(FLOOD, ROUNDS) == {"express": 8, PRODUCT: 20}
        assert ratios(CAPACITY, ROUNDS) == {PRODUCT: 8.5}

    def test_the_table_has_a_row_for_what_was_measured_and_for_nothing_else(self) -> None:
        assert table(ROUNDS, SERVERS).splitlines() == [
            "| | naive | express | qa-service |",
            "|---|---:|---:|---:|",
            "| CPU a delta, at full speed (µs) | 100 ± 10% | 12.5 ± 4%, **8×** | 5 ± 10%, **20×** |",
            "| streams at 50 a second, p99 below 100 ms | 100 |  | 850, **8.5×** |",
            "| Redis commands an answer of 400 deltas in 8 s |  |  | 61.4 |",
        ]

    def test_a_table_without_any_figures_is_empty(self) -> None:
        assert table(ROUNDS, ("typed", "events")) == ""

    def test_formats_are_compared_within_a_turn_because_the_machine_is_slower_in_another(self) -> None:
        compared = compare([{"cpu": 3}, {"cpu": 30}, {"cpu": 5}], [{"cpu": 2}, {"cpu": 20}, {"cpu": 5}])
        assert compared == {"cpu": 5, "cpu_ratio": 1.5}

    def test_a_turn_without_a_figure_of_one_format_is_no_comparison(self) -> None:
        assert compare([{"cpu": 3}, {"cpu": 0}, {"cpu": 9}], [{"cpu": 2}, {"cpu": 2}, {"cpu": 0}])["cpu_ratio"] == 1.5
        assert isnan(compare([{"cpu": 3}], [{"cpu": 0}])["cpu_ratio"])

    @pytest.mark.parametrize("most", [0, 1, 99, 100, 850])
    def test_the_search_finds_the_largest_number_that_holds_to_within_a_twelfth(self, most: int) -> None:
        found = largest(lambda streams: streams <= most, 100)
        assert found <= most
        assert most - found <= max(1, most / 11)


class TestPicture:
    def test_it_is_xml_with_a_bar_for_each_ratio_as_long_as_it_is_good(self) -> None:
        drawn = ElementTree.fromstring(draw(ROUNDS, SERVERS))
        bars = [bar for bar in drawn.findall("{*}rect") if float(bar.attrib["width"]) > 14]
        ours = [float(bar.attrib["width"]) for bar in bars if bar.attrib["class"] == "ours"]

        assert len(bars) == 3
        assert ours[0] / ours[1] == pytest.approx(20 / 8.5, rel=0.01)

    def test_it_says_each_ratio_in_digits(self) -> None:
        texts = [text.text for text in ElementTree.fromstring(draw(ROUNDS, SERVERS)).findall("{*}text")]
        assert {"8×", "20×", "8.5×"} <= set(texts)

    def test_without_anything_to_compare_it_is_still_a_picture(self) -> None:
        assert ElementTree.fromstring(draw({}, SERVERS)).tag.endswith("svg")


class TestText:
    BODY = r" the 보증은 \ubcf4"
    MARKED = f"{BODY}={crc32(' the 보증은 보'.encode()):08x}".encode()

    def test_a_whole_text_has_no_fault_however_its_characters_are_written(self) -> None:
        assert fault_of(self.MARKED, 3) == ""

    @pytest.mark.parametrize("wrong", [MARKED.replace(b"the", b"thy"), MARKED[:-9], MARKED[4:], b""])
    def test_another_text_is_noticed(self, wrong: bytes) -> None:
        assert fault_of(wrong, 3) == DIFFERENT

    def test_another_number_of_deltas_is_noticed(self) -> None:
        assert fault_of(self.MARKED, 4) == "3 deltas instead of 4"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return three ports in a row that nobody uses, outside those that connections are given."""
    cores = os.sched_getaffinity(0)
    return Place(Ports(next(_free_ports())), cores, cores, tmp_path)


def _free_ports() -> Iterator[int]:
    """Give the first of three free ports in a row, above those of the live tests and below those of clients."""
    while True:
        first = random.randrange(28_000, 32_700)
        if all(_is_free(port) for port in range(first, first + 3)):
            yield first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def door_of_upstream(place: Place) -> Door:
    return Door(place.ports.upstream, lambda connection, number: b"POST /v1/responses HTTP/1.1\r\n\r\n", OPENAI_EVENTS)


class TestUpstreamAndLoad:
    def test_answers_at_full_speed_arrive_whole(self, place: Place) -> None:
        with upstream_at(place), Crowd(door_of_upstream(place), 400, again=True) as crowd:
            play(place.ports.upstream, Script(400))
            crowd.admit(range(16))
            crowd.attend(0.3)
            crowd.finish(10)

        assert crowd.tally.faults == []
        assert crowd.tally.finished > 16
        assert crowd.tally.deltas == crowd.tally.finished * 400
        assert len(crowd.tally.firsts) == crowd.tally.finished

    @pytest.mark.parametrize("burst", [1, 5])
    def test_paced_answers_take_their_time_and_every_delta_has_an_age(self, place: Place, burst: int) -> None:
        with upstream_at(place), Crowd(door_of_upstream(place), 25) as crowd:
            play(place.ports.upstream, Script(25, rate=50, burst=burst))
            crowd.admit(range(10))
            all_open = crowd.attend(5, lambda: crowd.tally.reading == 10)
            early = crowd.attend(0.2, lambda: crowd.tally.finished > 0)
            crowd.finish(10)

        assert all_open
        assert not early
        assert (crowd.tally.finished, crowd.tally.reading, crowd.tally.faults) == (10, 0, [])
        assert len(crowd.tally.ages) == crowd.tally.deltas == 250
        assert all(0 < age < 5e9 for age in crowd.tally.ages)

    def test_an_answer_that_is_cut_short_is_a_fault(self, place: Place) -> None:
        with Crowd(door_of_upstream(place), 100) as crowd:
            with upstream_at(place):
                play(place.ports.upstream, Script(100, rate=10))
                crowd.admit([0])
                crowd.attend(5, lambda: crowd.tally.deltas > 2)
            crowd.finish(10)

        assert crowd.tally.faults in (["cut short"], ["connection reset"])

    def test_an_answer_that_doesn_t_say_that_it_is_done_is_a_fault(self, place: Place) -> None:
        door = replace(door_of_upstream(place), notation=notation(rb'"delta":', b"something else"))
        with upstream_at(place), Crowd(door, 1) as crowd:
            crowd.admit([0])
            crowd.finish(10)

        assert crowd.tally.faults == ["no `done` at the end"]

    def test_an_answer_that_has_no_end_is_a_fault(self, place: Place) -> None:
        with upstream_at(place), Crowd(door_of_upstream(place), 100) as crowd:
            play(place.ports.upstream, Script(100, rate=1))
            crowd.admit([0])
            crowd.finish(0.1)

        assert crowd.tally.faults == ["no end"]

    def test_upstream_says_when_a_client_hung_up(self, place: Place) -> None:
        with upstream_at(place):
            play(place.ports.upstream, Script(100, rate=50))
            with Crowd(door_of_upstream(place), 100) as crowd:
                crowd.admit([0])
                crowd.attend(5, lambda: crowd.tally.deltas > 2)
            closed = play(place.ports.upstream, Script(1)).closed

        assert len(closed) == 1


class TestProcesses:
    def test_a_tree_holds_the_children_and_what_they_worked(self) -> None:
        script = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
        before = cpu_seconds(os.getpid())
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            assert child.pid in tree(os.getpid())
            assert cpu_seconds(os.getpid()) - before >= 0.15
            assert memory_kib(child.pid) > 1000
            child.communicate(b"\n")

    def test_the_holder_of_a_connection_is_who_accepted_it(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client, listener.accept()[0]:
                assert holder(port, client.getsockname()[1], os.getpid()) == os.getpid()
                assert holder(port, 1, os.getpid()) == 0


def ask_twice(door: Door) -> Tally:
    """Let four connections ask for 400 deltas, and ask again."""
    with Crowd(door, 400, again=True) as crowd:
        crowd.admit(range(4))
        crowd.attend(10, lambda: crowd.tally.finished >= 8)
        crowd.finish(10)
    return crowd.tally


class TestServers:
    def test_the_sample_tells_the_whole_answer_also_on_a_second_question(self, place: Place) -> None:
        with staged("naive", place, 1) as stage:
            stage.play(Script(400))
            tally = ask_twice(stage.server.door)

        assert tally.faults == []
        assert tally.deltas == tally.finished * 400 >= 3200

    def test_the_product_tells_it_in_every_format_and_shows_a_picture(self, place: Place) -> None:
        with staged(PRODUCT, place, 1) as stage:
            stage.play(Script(400))
            tallies = {name: ask_twice(open_door(stage, dialect)) for name, dialect in DIALECTS.items()}
            without = measure_pictures(stage, 1, Script(1))
            drawn = measure_pictures(stage, 2, Script(1, picture=600))

        assert {name: tally.faults for name, tally in tallies.items()} == {
            name: [] for name in FORMATS if name != "json"
        }
        assert all(tally.deltas == tally.finished * 400 >= 3200 for tally in tallies.values())
        assert without.faults == ["no `done` at the end"]
        assert (drawn.answers, drawn.faults) == (2, [])
        assert 10 < drawn.figures["memory"] < 300

    def test_a_run_prints_a_table_and_draws_a_picture(self, place: Place, tmp_path: Path) -> None:
        picture = tmp_path / "figures.svg"
        options = ("--rounds", "1", "--servers", "naive", PRODUCT, "--scenarios", "ttft")
        command = (*options, "--port", str(place.ports.first), "--picture", str(picture))
        ran = subprocess.run(
            (sys.executable, "-c", SHORT_RUN, *command), cwd=ROOT, capture_output=True, text=True, timeout=60
        )

        assert re.search(
            r"^\| delay of the first text, p50 \(ms\) \| [\d.,]+ \| [\d.,]+, \*\*[\d.,]+×\*\* \|$", ran.stdout, re.M
        ), ran
        assert "faults" not in ran.stdout
        assert ElementTree.parse(picture).getroot().tag.endswith("svg")
