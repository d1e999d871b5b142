"""Figures for Prometheus: what is counted is what the text says, whoever counts, and whatever becomes of them."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, Counter, Gauge, values
from prometheus_client.parser import text_string_to_metric_families

from qa_service.frames import Timing
from qa_service.interfaces import Meter, Observer
from qa_service.metrics import MOST_COUNTED_NAMES, OTHER, Prometheus, merge_dead_worker
from qa_service.model import Usage
from qa_service.turns import Observation

Worker = Callable[[int], Prometheus]


def observation(**changes: object) -> Observation:
    usual: dict[str, object] = {
        "answer_id": "an-answers-id",
        "owner": "user",
        "status": "completed",
        "finish_reason": "stop",
        "model": "gpt-4.1-mini",
        "usage": Usage(input=100, output=20, total=120, cached=64, reasoning=8),
        "timing": Timing(first_token_ms=400, total_ms=900),
        "topic": 1,
        "drifted": False,
        "files": 0,
        "references": 0,
        "saved": True,
        "cost": 0.25,
    }
    return Observation(**{**usual, **changes})


def figures(text: bytes) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and the values of its labels, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the workers share. The first of them makes it."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    return tmp_path / "metrics"


@pytest.fixture
def worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Make the figures of a worker with some process id, as the library would in that process."""
    made = []

    def make(pid: int) -> Prometheus:
        made.append(kind := values.MultiProcessValue(lambda: pid))
        monkeypatch.setattr(values, "ValueClass", kind)
        return Prometheus()

    yield make
    for kind in made:
        kind.close_all_files()


class TestWhatIsCounted:
    def test_every_count_has_a_figure_of_its_own(self) -> None:
        prometheus = Prometheus()
        meter: Meter = prometheus
        meter.count_event("deltas", 3)
        meter.count_event("deltas")
        meter.count_event("resumes")
        meter.count_event("gaps")
        meter.count_event("cancels")
        meter.count_event("takeovers")
        seen = figures(prometheus.text())
        assert seen["qa_deltas_total",] == 4
        assert [seen[f"qa_{name}_total",] for name in ("resumes", "gaps", "cancels", "takeovers")] == [1, 1, 1, 1]

    def test_errors_and_refusals_are_counted_by_code(self) -> None:
        meter = Prometheus()
        meter.count_event("store_errors", label="store_unavailable")
        meter.count_event("upstream_errors", label="rate_limited")
        meter.count_event("upstream_errors", label="upstream_timeout")
        meter.count_event("refusals", 2, label="rate_limited")
        seen = figures(meter.text())
        assert seen["qa_store_errors_total", "store_unavailable"] == 1
        assert seen["qa_upstream_errors_total", "rate_limited"] == 1
        assert seen["qa_upstream_errors_total", "upstream_timeout"] == 1
        assert seen["qa_refusals_total", "rate_limited"] == 2

    @pytest.mark.parametrize(
        ("what", "name"),
        [("asked", "qa_asked_seconds"), ("closed", "qa_cancel_closed_seconds"), ("flushed", "qa_flush_lag_seconds")],
    )
    def test_times_are_spread_over_buckets_of_seconds(self, what: str, name: str) -> None:
        meter = Prometheus()
        meter.record_time(what, 0.04)
        seen = figures(meter.text())
        assert (seen[f"{name}_count",], seen[f"{name}_sum",]) == (1, 0.04)
        assert (seen[f"{name}_bucket", "0.025"], seen[f"{name}_bucket", "0.05"]) == (0, 1)

    def test_open_streams_rise_and_fall(self) -> None:
        meter = Prometheus()
        meter.count_streams(3)
        meter.count_streams(-1)
        assert figures(meter.text())["qa_streams_open",] == 2

    def test_a_finished_answer_is_counted_with_its_end_its_first_token_its_tokens_and_its_cost(self) -> None:
        prometheus = Prometheus()
        observe: Observer = prometheus
        observe(observation())
        observe(observation(status="cancelled", finish_reason="cancelled"))
        seen = figures(prometheus.text())
        assert seen["qa_answers_total", "stop", "completed"] == 1
        assert seen["qa_answers_total", "cancelled", "cancelled"] == 1
        assert (seen["qa_first_token_seconds_count",], seen["qa_first_token_seconds_sum",]) == (2, 0.8)
        tokens = [seen["qa_tokens_total", kind, "gpt-4.1-mini"] for kind in ("input", "output", "cached", "reasoning")]
        assert tokens == [200, 40, 128, 16]
        assert seen["qa_cost_total", "gpt-4.1-mini"] == 0.5

    def test_what_is_wrong_with_an_answer_is_counted_by_kind(self) -> None:
        seen = Prometheus()
        for changes in ({"dangling": 2, "unsupported": 3}, {"leaked": True}, {}):
            seen(observation(**changes))
        told = figures(seen.text())
        kinds = {kind: told["qa_answer_flaws_total", kind] for kind in ("dangling", "unsupported", "leaked")}
        assert kinds == {"dangling": 2, "unsupported": 3, "leaked": 1}

    def test_an_answer_without_text_or_price_has_neither_figure(self) -> None:
        prometheus = Prometheus()
        prometheus(observation(timing=Timing(first_token_ms=None, total_ms=10), cost=None))
        seen = figures(prometheus.text())
        assert seen["qa_first_token_seconds_count",] == 0
        assert not any(name == "qa_cost_total" for name, *_ in seen)

    def test_no_answer_is_named(self) -> None:
        prometheus = Prometheus()
        prometheus(observation())
        assert b"an-answers-id" not in prometheus.text()

    def test_every_figure_says_what_it_is_in_a_sentence(self) -> None:
        families = list(text_string_to_metric_families(Prometheus().text().decode()))
        assert all(family.documentation.endswith(".") for family in families if not family.name.endswith("_created"))
        assert all(family.name.startswith("qa_") for family in families)


class TestWhatUpstreamMaySay:
    def test_a_model_too_many_is_counted_as_other(self) -> None:
        prometheus = Prometheus()
        for number in range(MOST_COUNTED_NAMES + 3):
            prometheus(observation(model=f"model-{number}"))
        prometheus(observation(model="model-0"))
        seen = figures(prometheus.text())
        assert seen["qa_cost_total", "model-0"] == 0.5
        assert seen["qa_cost_total", OTHER] == 0.75
        assert sum(name == "qa_cost_total" for name, *_ in seen) == MOST_COUNTED_NAMES + 1

    @pytest.mark.parametrize("model", ["모델-한국어", 'with "quotes" and\nlines\\', "half a pair \ud83d", "x" * 5000])
    def test_no_name_of_a_model_breaks_the_text(self, model: str) -> None:
        prometheus = Prometheus()
        prometheus(observation(model=model))
        named = [model for name, *labels in figures(prometheus.text()) if name == "qa_cost_total" for model in labels]
        assert named == [model[:100].replace("\ud83d", "?")]

    def test_impossible_figures_are_none(self) -> None:
        prometheus = Prometheus()
        prometheus(observation(usage=Usage(input=-5, output=3), cost=-1.0))
        seen = figures(prometheus.text())
        assert seen["qa_tokens_total", "input", "gpt-4.1-mini"] == 0
        assert seen["qa_tokens_total", "output", "gpt-4.1-mini"] == 3
        assert seen["qa_cost_total", "gpt-4.1-mini"] == 0


class TestOneProcess:
    def test_two_services_count_apart_and_outside_the_global_registry(self) -> None:
        first, second = Prometheus(), Prometheus()
        first.count_event("deltas")
        assert figures(first.text())["qa_deltas_total",] == 1
        assert figures(second.text())["qa_deltas_total",] == 0
        assert not [family.name for family in REGISTRY.collect() if family.name.startswith("qa_")]


class TestSeveralWorkers:
    def test_any_of_them_gives_the_sums_of_all(self, worker: Worker) -> None:
        first, second = worker(101), worker(102)
        for meter, times in ((first, 1), (second, 2)):
            meter.count_event("deltas", 10 * times)
            meter.count_event("refusals", times, label="overloaded")
            meter.record_time("asked", 0.002 * times)
            meter.count_streams(times)
            meter(observation())
        assert first.text() == second.text()
        seen = figures(first.text())
        assert seen["qa_deltas_total",] == 30
        assert seen["qa_refusals_total", "overloaded"] == 3
        assert seen["qa_streams_open",] == 3
        assert seen["qa_answers_total", "stop", "completed"] == 2
        assert (seen["qa_asked_seconds_bucket", "0.003"], seen["qa_asked_seconds_bucket", "0.005"]) == (1, 2)

    def test_a_dead_one_leaves_its_counts_and_takes_its_streams(self, worker: Worker, folder: Path) -> None:
        alive, dead = worker(101), worker(102)
        for meter in (alive, dead):
            meter.count_event("deltas", 10)
            meter.record_time("asked", 0.002)
            meter.count_streams(5)
        merge_dead_worker(str(folder), 102)
        seen = figures(alive.text())
        assert seen["qa_deltas_total",] == 20
        assert (seen["qa_asked_seconds_count",], seen["qa_asked_seconds_bucket", "0.002"]) == (2, 2)
        assert seen["qa_streams_open",] == 5

    def test_the_dead_leave_no_more_files_the_more_they_are(self, worker: Worker, folder: Path) -> None:
        alive = worker(101)
        for pid in range(200, 220):
            worker(pid).count_event("takeovers")
            merge_dead_worker(str(folder), pid)
        assert figures(alive.text())["qa_takeovers_total",] == 20
        assert {file.name for file in folder.glob("*.db")} == {
            *(f"{kind}_101.db" for kind in ("counter", "histogram", "gauge_livesum")),
            *(f"{kind}_dead.db" for kind in ("counter", "histogram")),
        }

    def test_one_that_has_a_dead_ones_id_counts_on(self, worker: Worker, folder: Path) -> None:
        worker(101).count_event("deltas")
        merge_dead_worker(str(folder), 101)
        again = worker(101)
        again.count_event("deltas")
        assert figures(again.text())["qa_deltas_total",] == 2

    def test_burying_one_that_never_counted_or_whose_folder_is_gone_does_nothing(
        self, worker: Worker, folder: Path, tmp_path: Path
    ) -> None:
        alive = worker(101)
        alive.count_event("deltas")
        merge_dead_worker(str(folder), 999)
        merge_dead_worker(str(tmp_path / "nowhere"), 101)
        assert figures(alive.text())["qa_deltas_total",] == 1

    def test_one_that_was_killed_in_its_first_moment_harms_no_reading(self, worker: Worker, folder: Path) -> None:
        alive = worker(101)
        (folder / "counter_102.db").touch()
        (folder / "histogram_102.db").write_bytes(struct.pack("=ii", 0, 0))
        assert figures(alive.text())["qa_deltas_total",] == 0
        merge_dead_worker(str(folder), 102)
        assert figures(alive.text())["qa_deltas_total",] == 0
        assert not list(folder.glob("*_102.db"))

    def test_what_the_host_site_counts_in_the_same_folder_stays_its_own(self, worker: Worker, folder: Path) -> None:
        ours = worker(101)
        Counter("site_visits", "The site's own.", registry=None).inc()
        Gauge("site_load", "The site's own.", registry=None, multiprocess_mode="max").set(3)
        merge_dead_worker(str(folder), 101)
        assert b"site_" not in ours.text()
        assert (folder / "gauge_max_101.db").exists()
