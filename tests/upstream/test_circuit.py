"""These tests show when a model that is down is left alone, and when it is tried again."""

from contextlib import ExitStack, suppress

import pytest

from qa_service.errors import Cancelled, UpstreamRateLimited, UpstreamRejected, UpstreamTimeout, UpstreamUnavailable
from qa_service.upstream.circuit import Circuit
from tests.fakes import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock) -> Circuit:
    return Circuit(clock=clock)


def fail(circuit: Circuit, error: Exception | None = None, times: int = 1) -> None:
    for _ in range(times):
        failing = error or UpstreamUnavailable("down")
        with pytest.raises(type(failing)) as caught, circuit.guard_request():
            raise failing
        assert caught.value is failing


def refusal(circuit: Circuit) -> UpstreamUnavailable:
    with pytest.raises(UpstreamUnavailable, match="left alone") as caught, circuit.guard_request():
        pytest.fail("it was asked")
    return caught.value


@pytest.mark.parametrize("error", [UpstreamUnavailable("down"), UpstreamTimeout("slow")])
def test_after_five_failures_in_a_row_it_answers_at_once(circuit, error):
    fail(circuit, error, times=5)
    refused = refusal(circuit)
    assert refused.status == 503
    assert 1 <= refused.retry_after <= 5
    assert circuit.is_open


def test_four_failures_are_not_enough(circuit):
    fail(circuit, times=4)
    with circuit.guard_request():
        assert not circuit.is_open


def test_a_sign_of_work_forgets_the_failures_before_it(circuit):
    fail(circuit, times=4)
    with circuit.guard_request() as works:
        works()
    fail(circuit, times=4)
    assert not circuit.is_open


@pytest.mark.parametrize("error", [UpstreamRateLimited("busy"), UpstreamRejected("no")])
def test_an_upstream_that_refuses_is_not_down(circuit, error):
    fail(circuit, times=4)
    fail(circuit, error)
    fail(circuit, times=4)
    assert not circuit.is_open


def test_a_stop_says_nothing_of_upstream(circuit):
    fail(circuit, times=4)
    fail(circuit, Cancelled())
    fail(circuit)
    assert circuit.is_open


def test_one_request_at_a_time_is_let_through_after_the_rest(circuit, clock):
    fail(circuit, times=5)
    clock.now += 5
    assert not circuit.is_open
    with circuit.guard_request():
        assert circuit.is_open
        assert refusal(circuit).retry_after == 1


def test_a_trial_that_works_ends_it_for_all(circuit, clock):
    fail(circuit, times=5)
    clock.now += 5
    with circuit.guard_request() as works:
        works()
        with circuit.guard_request():
            assert not circuit.is_open


def test_a_trial_that_fails_doubles_the_rest_up_to_a_minute(circuit, clock):
    fail(circuit, times=5)
    longest = []
    for _ in range(6):
        clock.now += 60
        fail(circuit)
        longest.append(refusal(circuit).retry_after)
    for seconds, most in zip(longest, [10, 20, 40, 60, 60, 60], strict=True):
        assert 0.75 * most <= seconds <= most


def test_a_trial_that_is_stopped_leaves_room_for_another(circuit, clock):
    fail(circuit, times=5)
    clock.now += 5
    fail(circuit, Cancelled())
    with circuit.guard_request() as works:
        works()
    assert not circuit.is_open


def test_failures_of_requests_begun_before_do_not_lengthen_the_rest(circuit):
    with ExitStack() as begun:
        for _ in range(3):
            begun.enter_context(suppress(UpstreamTimeout))
            begun.enter_context(circuit.guard_request())
        fail(circuit, times=5)
        raise UpstreamTimeout("late")
    assert refusal(circuit).retry_after <= 5
