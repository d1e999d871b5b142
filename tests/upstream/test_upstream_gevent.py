"""The upstream under a gevent that patched first, as the server's workers run it."""

import json
import subprocess
import sys

import pytest

from tests.scripted_upstream import ScriptedUpstream
from tests.upstream.questions import SPEAKING

PHASES = ("mute", "hang-first", "hang")
PROGRAM = """
import gevent.monkey; gevent.monkey.patch_all()
import json, sys, time
import gevent
from qa_service.errors import Cancelled, UpstreamTimeout
from qa_service.running.stop import StopSignal
from tests.upstream.questions import SPEAKING, asked, responses

speaking = SPEAKING[sys.argv[2]]
upstream = speaking(sys.argv[1])
kept = responses(sys.argv[1], background=True)


def stopped(name, upstream=upstream):
    stop = StopSignal()
    question = gevent.spawn(asked, upstream, "script:" + name, stop)
    gevent.sleep(0.3)
    began = time.monotonic()
    stop.set("cancelled")
    question.join(5)
    return isinstance(question.exception, Cancelled) and time.monotonic() - began < 4


def timed_out():
    impatient = speaking(sys.argv[1], tries=1, first_token=0.2)
    question = gevent.spawn(asked, impatient, "script:mute")
    question.join(5)
    return isinstance(question.exception, UpstreamTimeout)


answers = [gevent.spawn(asked, upstream) for _ in range(20)]
gevent.joinall(answers, timeout=20)
found = {name: stopped(name) for name in sys.argv[3:]}
found |= {"timed_out": timed_out(), "background": stopped("slow", kept)}
print(json.dumps(found | {"lengths": [len(answer.value) for answer in answers]}))
"""


@pytest.fixture(scope="module", params=SPEAKING)
def found(request):
    """Return what one such process says: which stops woke their greenlet within a second, and how long answers were."""
    with ScriptedUpstream() as server:
        command = [sys.executable, "-c", PROGRAM, server.url, request.param, *PHASES]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout) | {
            "closed": server.wait_closed(5, count=len(PHASES)),
            "cancelled": [one["status"] for id, one in server.texts().items() if server.responses[id].background],
        }


@pytest.mark.parametrize("phase", PHASES)
def test_a_stop_wakes_a_greenlet_that_waits(found, phase):
    assert found[phase]


def test_every_stop_reaches_upstream(found):
    assert found["closed"]


def test_silence_has_its_limit_there_too(found):
    assert found["timed_out"]


def test_a_stop_in_the_background_ends_the_response(found):
    assert found["background"]
    assert found["cancelled"] == ["cancelled"]


def test_answers_do_not_wait_for_each_other(found):
    assert len(found["lengths"]) == 20
    assert len(set(found["lengths"])) == 1
