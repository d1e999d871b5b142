"""This module has a seeded random run of faults against real processes, by hand: nothing may be lost, and nothing may
be wrong.

python -m tests.live.chaos

CHAOS_SECONDS=120       how long clients ask, follow, drop, come back and cancel while things break
CHAOS_SEED=…            what happens when; printed, and the same again with the same number
CHAOS_BACKGROUND=on     with upstream's background mode, or without
CHAOS_CLIENTS=24        how many ask at a time; 60 where there is nothing but kills
CHAOS_KILLS=20 CHAOS_ANSWERS=1000
                        nothing but kill -9, until CHAOS_KILLS workers have died and CHAOS_ANSWERS answers were cut
"""

import json
import os
import random
import re
import signal
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from redis import RedisError

from tests.live.following import Asking, Follower, drop_every
from tests.live.illustrated import (
    NAME,
    find_flaw,
    last_run,
    read_log,
    shown_by_answer,
    shown_by_frames,
    shown_by_session,
)
from tests.live.processes import Service, model_process, queue_script, until
from tests.live.reading import request
from tests.live.stores import RedisServer, service_with_redis
from tests.scripted_upstream import NAMED, Script

WORKERS = 4
FLUSH_SECONDS = 0.5
"""A flush is due every twentieth of a second, on a busy machine after half of one at the latest."""
RECOVERY_SECONDS = 2.0
"""This long after Redis is back, what was held back is written: it is tried once a second."""
PIECE = 3
ANSWER_SECONDS = 90.0
"""An answer that hasn't ended after this many seconds counts as lost."""
FILE = "환불은 7일 안에 됩니다. Refunds take seven days.\n".encode() * 2000
QUESTIONS = ("환불은 며칠 안에 되나요?", "파일에 무엇이 들어 있나요?", "How long does shipping take?", "Tell me more.")
DRAWN = NAMED[NAME]
ILLUSTRATED = "그림과 출처가 있는"
"""An answer with a picture and a source begins with these words."""


class Plan(Struct, frozen=True):
    """A `Plan` says what the run is to be. It is read from the environment."""

    seconds: float
    seed: int
    background: bool
    clients: int
    kills: int
    answers: int


class Cut(Struct, frozen=True):
    """A `Cut` says that a worker was killed while it wrote these answers."""

    at: float
    answers: frozenset[str]


class World:
    """A `World` is the service, its store and its model, and what was done to them."""

    def __init__(self, served: Service, redis: RedisServer, upstream: str) -> None:
        self.served = served
        self.redis = redis
        self.upstream = upstream
        self.faults: Counter[str] = Counter()
        self.cuts: list[Cut] = []
        self.away: list[tuple[float, float]] = []
        """This says from when until when Redis was away."""

    def said(self) -> dict[str, list[dict[str, str]]]:
        """Return what the model generated, by the name it was asked under."""
        with urllib.request.urlopen(f"{self.upstream}/texts", timeout=60) as response:
            found: dict[str, list[dict[str, str]]] = {}
            for one in json.loads(response.read()).values():
                found.setdefault(one["model"], []).append(one)
        return found

    def busiest(self) -> int:
        """Return the worker that writes most answers now."""
        return max(self.served.workers(), key=lambda worker: len(self._held(worker)))

    def kill(self, worker: int) -> None:
        """Kill the busiest worker with kill -9, and note what it wrote."""
        held = self._held(worker)
        with suppress(ProcessLookupError):  # it has ended by itself meanwhile
            os.kill(worker, signal.SIGKILL)
            self.cuts.append(Cut(time.monotonic(), held))

    def _held(self, worker: int) -> frozenset[str]:
        names = [path.name for path in (self.served.folder / "data/workers").iterdir()]
        name = next((name for name in names if self.served.process_of(name) == worker), "")
        with suppress(RedisError):
            held = self.redis.client.hkeys(f"qa:{{workers}}:{name}:holds")
            return frozenset(answer.decode() for answer in held)
        return frozenset()

    def ready(self) -> None:
        """Wait until all workers serve again."""
        self.served.until_workers(WORKERS)


class Client(Asking):
    """A `Client` asks as the plan says, and stops some of the answers."""

    def __init__(self, world: World, plan: Plan, number: int) -> None:
        self.cancelled: set[str] = set()
        self._world = world
        self._plan = plan
        self._number = number
        self._chance = random.Random(f"{plan.seed} {number}")
        super().__init__(self._next, ANSWER_SECONDS)

    def _next(self) -> Follower:
        queue_script(self._world.upstream, self._scripted())
        reader = self._asked()
        if not self._plan.kills and self._chance.random() < 0.1:
            self._cancel(reader)
        return reader

    def _scripted(self) -> Script:
        chance, steady = self._chance, Script(deltas=75, rate=15, text=f"{self._number}번 답변입니다. ")
        if self._plan.kills:
            return steady
        deltas, rate = chance.randint(20, 200), chance.choice([10, 20, 40])
        fault = chance.choice(["", "", "", "", "", "cut", "reset"])
        script = Script(
            deltas=deltas, rate=rate, text=steady.text, fault=fault, after=deltas // 2, chunk=chance.choice([0, 9])
        )
        if chance.random() < 0.8:
            return script
        return replace(script, text=f"{ILLUSTRATED} {steady.text}", chunk=0, picture=DRAWN.picture, page=DRAWN.page)

    def _asked(self) -> Follower:
        chance = self._chance
        model = f"model-{self._number}-{len(self.readers)}"
        files = {"규정.txt": FILE} if chance.random() < self._files else None
        every = 10_000 if self._plan.kills else chance.choice([7, 20, 50, 10_000])
        return Follower(
            self._world.served.url,
            chance.choice(QUESTIONS),
            files=files,
            seconds=ANSWER_SECONDS,
            drop=drop_every(every),
            model=model,
        )

    @property
    def _files(self) -> float:
        return 0.0 if self._plan.kills else 0.1

    def _cancel(self, reader: Follower) -> None:
        time.sleep(self._chance.random() * 2)
        if reader.answer_id:
            self.cancelled.add(reader.answer_id)
            with suppress(OSError):
                request(self._world.served.url, f"/api/answers/{reader.answer_id}/cancel", "POST")


class Breaker:
    """A `Breaker` breaks one thing after another, by chance."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._ways = {
            "kill -9": self._kill,
            "worker SIGTERM": self._term,
            "SIGHUP": self._reload,
            "Redis restarted": self._restart,
            "Redis hung": self._hang,
        }

    def run(self) -> None:
        """Break one thing after another for as long as the plan says."""
        until_then = time.monotonic() + self._plan.seconds
        while time.monotonic() < until_then:
            time.sleep(self._chance.uniform(0.5, 3))
            name = self._chance.choice([*self._ways, "kill -9", "kill -9"])
            self._ways[name]()
            self._world.faults[name] += 1
            print(f"{until_then - time.monotonic():6.0f} s to go: {name}")
        self._world.ready()

    def run_kills(self) -> None:
        """Kill workers until enough were killed and enough answers were cut."""
        world, cut = self._world, 0
        while world.faults["kill -9"] < self._plan.kills or cut < self._plan.answers:
            world.ready()
            time.sleep(self._chance.uniform(2, 3))
            world.kill(world.busiest())
            world.faults["kill -9"] += 1
            cut = len({answer for one in world.cuts for answer in one.answers})
            print(f"{world.faults['kill -9']} kills have cut {cut} answers")

    def _kill(self) -> None:
        if workers := self._world.served.workers():
            self._world.kill(self._chance.choice(workers))

    def _term(self) -> None:
        if workers := self._world.served.workers():
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(workers), signal.SIGTERM)

    def _reload(self) -> None:
        self._world.served.process.send_signal(signal.SIGHUP)

    def _restart(self) -> None:
        began = time.monotonic()
        self._world.redis.stop()
        time.sleep(self._chance.uniform(0.2, 2))
        self._world.redis.start()
        self._world.away.append((began, time.monotonic()))

    def _hang(self) -> None:
        began = time.monotonic()
        self._world.redis.freeze()
        time.sleep(self._chance.uniform(0.2, 3))
        self._world.redis.thaw()
        self._world.away.append((began, time.monotonic()))


class Verdict:
    """A `Verdict` says what came of all answers."""

    def __init__(self, world: World, plan: Plan, clients: Sequence[Client]) -> None:
        self._world = world
        self._plan = plan
        self._said = world.said()
        self._cancelled = {answer for client in clients for answer in client.cancelled}
        self.illustrated = self.pictures = 0
        self.readers = {
            f"model-{number}-{place}": reader
            for number, client in enumerate(clients)
            for place, reader in enumerate(client.readers)
        }
        self.lost = [
            f"kept as {self._kept(reader).get('status')}: {reader.story()}"
            for reader in self.readers.values()
            if not reader.status and not reader.wrong
        ]
        self.wrong = [
            f"{wrong}: {reader.story()}"
            for model, reader in self.readers.items()
            if (reader.status or reader.wrong) and (wrong := self._wrong(model, reader))
        ]

    def _wrong(self, model: str, reader: Follower) -> str:
        """Return what can't be right. The list is empty where all is right."""
        if reader.wrong:
            return "read what nobody may"
        said = self._said.get(model, [])
        stands = self._kept(reader)
        if stands.get("status") != reader.status and not self._said_unsaved(reader, stands):
            return f"kept as {stands}"
        match reader.status:
            case "completed":
                whole = [one["text"] for one in said if one["status"] == "completed"]
                return self._wrong_whole(reader, stands) if reader.text in whole else "not what was said"
            case "cancelled" if reader.answer_id not in self._cancelled:
                return "nobody cancelled it"
            case "failed" if reader.error["code"] not in self._honest and not self._was_deadly(reader):
                return "it had no reason to fail"
            case _:
                return self._wrong_part(reader, stands["text"], [one["text"] for one in said])

    def _wrong_whole(self, reader: Follower, stands: dict[str, Any]) -> str:
        if self._said_unsaved(reader, stands):
            return ""
        if stands["text"] != reader.text:
            return "not what is kept"
        return self._wrong_picture(reader) if reader.text.startswith(ILLUSTRATED) else ""

    def _wrong_picture(self, reader: Follower) -> str:
        """Return what is wrong with the picture or the source of a whole answer. There is no picture where Redis was
        away when it was drawn, and for too long."""
        url = self._world.served.url
        read = shown_by_frames(last_run([seen.frame for seen in reader.seen]))
        log = shown_by_frames(last_run(read_log(url, reader.answer_id)))
        answer, session = shown_by_answer(url, reader.answer_id), shown_by_session(url, reader)
        self.pictures += len(read.images)
        self.illustrated += 1
        return find_flaw(url, read, log, answer, session)

    @staticmethod
    def _said_unsaved(reader: Follower, stands: dict[str, Any]) -> bool:
        """Tell whether the reader was told that it isn't saved, and its worker died before it was."""
        return Verdict._was_told(reader) and stands.get("status") == "failed"

    @staticmethod
    def _was_told(reader: Follower) -> bool:
        """Tell whether the reader was told that it isn't saved."""
        return any(not seen.content["saved"] for seen in reader.kinds("metadata"))

    def _kept(self, reader: Follower) -> dict[str, Any]:
        """Return the answer as it stands."""
        found = request(self._world.served.url, f"/api/answers/{reader.answer_id or 'unasked'}")[1]
        return found if isinstance(found, dict) else {}

    @property
    def _honest(self) -> set[str]:
        """Return why an answer may fail: its worker died, its model's connection was cut, Redis was away while a file
        was read. In the background the first two are no reason."""
        broken = set() if self._plan.background else {"interrupted", "upstream_unavailable"}
        return broken | {"store_unavailable"}

    def _was_deadly(self, reader: Follower) -> bool:
        """Tell whether the answer may be taken for what kills, since more than one worker has died with it. A worker
        that takes it over leaves a gap in the numbers where it begins again."""
        numbers = [seen.frame["seq"] for seen in reader.seen]
        gaps = sum(after - before > 1 for before, after in pairwise(numbers))
        return gaps > 1 or sum(reader.answer_id in cut.answers for cut in self._world.cuts) > 1

    def _wrong_part(self, reader: Follower, kept: str, said: Sequence[str]) -> str:
        if reader.text and not any(text.startswith(reader.text) for text in said):
            return "not a beginning of what was said"
        if self._was_told(reader) and kept.startswith(reader.text):
            return ""  # its worker died before it was saved, and the next one got more of it from upstream
        rate = 15 if self._plan.kills else 40
        more, unwritten = len(reader.text) - len(kept), FLUSH_SECONDS + self._held_back(reader)
        fits = reader.text.startswith(kept) and more <= unwritten * rate * PIECE
        return "" if fits else f"kept {more} less, numbers {[seen.frame['seq'] for seen in reader.seen][-5:]}"

    def _held_back(self, reader: Follower) -> float:
        """Return for how many seconds Redis hadn't got the text when the last of it was read."""
        last = max((seen.at for seen in reader.kinds("text")), default=0.0)
        away = (last - began for began, back in self._world.away if began <= last <= back + RECOVERY_SECONDS)
        return max(away, default=0.0)

    def resumed(self) -> list[float]:
        """Return the seconds from each kill to the next frame of each answer it cut, for one of its readers."""
        found = []
        readers = {reader.answer_id: reader for reader in self.readers.values()}
        for cut in self._world.cuts:
            for reader in (readers[answer] for answer in cut.answers if answer in readers):
                times = [seen.at for seen in reader.seen]
                if times and times[0] < cut.at < times[-1]:
                    found.append(min(at for at in times if at > cut.at) - cut.at)
        return found

    def show(self) -> bool:
        """Print the verdict, and tell whether all is well."""
        ends = Counter(reader.status or "none" for reader in self.readers.values())
        codes = Counter(reader.error["code"] for reader in self.readers.values() if reader.error)
        resumed = self.resumed()
        print(f"\nseed {self._plan.seed}, background {'on' if self._plan.background else 'off'}")
        print(f"answers    {len(self.readers)}: {dict(ends)} {dict(codes)}")
        print(f"pictures   {self.pictures} in {self.illustrated} whole answers that ask for one")
        print(f"faults     {sum(self._world.faults.values())}: {dict(self._world.faults)}")
        print(f"cut        {len({answer for one in self._world.cuts for answer in one.answers})} by kill -9")
        print(f"takeovers  {len(re.findall('is taken over', self._world.served.said))}")
        print(f"came back  {sum(reader.connections - 1 for reader in self.readers.values())} times")
        if len(resumed) > 1:
            p99 = statistics.quantiles(resumed, n=100, method="inclusive")[98]
            print(f"next frame after a kill: p50 {statistics.median(resumed):.2f} s, p99 {p99:.2f} s of {len(resumed)}")
        print(f"lost       {len(self.lost)}", *self.lost[:10], sep="\n  ")
        print(f"wrong      {len(self.wrong)}", *self.wrong[:10], sep="\n  ")
        print("all is well" if not self.lost and not self.wrong else "IT IS NOT WELL")
        return not self.lost and not self.wrong


@contextmanager
def world(plan: Plan, folder: Path) -> Iterator[World]:
    """Give everything, in processes of their own."""
    settings: dict[str, Any] = {
        "WEB_CONCURRENCY": str(WORKERS),
        "QA_BACKGROUND": "on" if plan.background else "off",
        "QA_MODELS_ALLOWED": "model-*",
        "QA_HEARTBEAT_SECONDS": "1",
        "QA_DRAIN_SECONDS": "1",
    }
    with model_process(folder) as model, service_with_redis(folder, model, **settings) as (served, redis):
        found = World(served, redis, model)
        found.ready()
        yield found


def planned() -> Plan:
    """Read the plan from the environment."""

    def number(name: str, usual: float) -> float:
        return float(os.environ.get(f"CHAOS_{name}", usual))

    kills = int(number("KILLS", 0))
    return Plan(
        seconds=number("SECONDS", 120),
        seed=int(number("SEED", random.randrange(1_000_000))),
        background=os.environ.get("CHAOS_BACKGROUND", "on") == "on",
        clients=int(number("CLIENTS", 60 if kills else 24)),
        kills=kills,
        answers=int(number("ANSWERS", 0)),
    )


def main() -> None:
    plan = planned()
    print(f"seed {plan.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, world(plan, Path(folder)) as there:
        clients = [Client(there, plan, number) for number in range(plan.clients)]
        breaker = Breaker(there, plan)
        breaker.run_kills() if plan.kills else breaker.run()
        for client in clients:
            client.stop()
        for client in clients:
            client.join()
        until(lambda: not there.redis.held(), ANSWER_SECONDS, "nothing is being written")
        well = Verdict(there, plan, clients).show()
    sys.exit(not well)


if __name__ == "__main__":
    main()
