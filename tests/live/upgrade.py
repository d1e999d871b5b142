"""This module has a rolling upgrade and back, under load, by hand: nothing may be lost, nothing may fail, and nobody
may notice.

python -m tests.live.upgrade

REV=…                     the release to come from and to go back to; by default the last tag
UPGRADE_BACKGROUND=on     with upstream's background mode, or without
UPGRADE_CLIENTS=24        how many ask at a time
UPGRADE_SECONDS=8         how long both releases serve side by side, after each step

It makes a copy and an environment of that release in a folder of its own, and serves it three times over one Redis.
Then each is replaced by this code, with a kind of frame in it that the release doesn't know (`later_site.py`), and
each by the release again. Some are stopped as at a deploy, of others the worker is killed first. Readers hang up all
the time, and come back at any of them. Every second answer has a picture and a source. In the end this code is served
once more, and shows what has become of all answers.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.live.following import Asking, Follower, drop_every
from tests.live.illustrated import (
    QUESTION,
    find_flaw,
    is_illustrated,
    last_run,
    read_log,
    shown_by_answer,
    shown_by_frames,
    shown_by_session,
)
from tests.live.processes import BIN, ROOT, SECRET, Service, free_port, service, until
from tests.live.reading import Stream, request
from tests.live.stores import RedisServer, redis_server
from tests.scripted_upstream import NAMED, ScriptedUpstream, pieces

SERVICES = 3
WORKERS = 2
SAID = "".join(pieces(NAMED["steady"]))
QUESTIONS = ("script:steady 환불은 며칠 안에 되나요?", "script:steady How long does shipping take?", QUESTION, QUESTION)
FLUSH = 3 * 25
"""Of an answer that broke off, a reader may have this many characters that the store doesn't have: those of a
second."""
ANSWER_SECONDS = 60.0


class Release(Struct, frozen=True):
    """A `Release` is code, and the environment it runs in."""

    name: str
    code: Path
    programs: Path
    app: str
    passes_on: bool
    """This says whether its readers get frames that it doesn't know."""


class Plan(Struct, frozen=True):
    """A `Plan` says what the run is to be. It is read from the environment."""

    revision: str
    background: bool
    clients: int
    seconds: float


class Fleet:
    """A `Fleet` has the services, each in its place. One at a time is replaced."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.ports = [free_port() for _ in range(SERVICES)]
        self.places: dict[int, tuple[Service, ExitStack]] = {}
        self.steps: list[str] = []
        self._folder = folder
        self._settings = settings
        self._logs: list[Path] = []

    @property
    def urls(self) -> list[str]:
        """Return where a load balancer would send a question now."""
        return [found.url for found, _ in list(self.places.values())]

    @property
    def said(self) -> str:
        """Return what all of them have printed, from the first on."""
        return "".join(found.read_text() for log in self._logs for found in log.glob("*.log"))

    def start(self, place: int, release: Release) -> None:
        """Serve this release in this place."""
        folder = self._folder / f"{len(self._logs)}"
        folder.mkdir()
        self._logs.append(folder)
        where = ["-c", str(release.code / "gunicorn.conf.py"), "--chdir", str(release.code)]
        command = [str(release.programs / "gunicorn"), *where, release.app]
        settings = {**self._settings, "PYTHONPATH": str(release.code)}
        stack = ExitStack()
        found = stack.enter_context(service(command, folder, self.ports[place], **settings))
        self.places[place] = found, stack

    def replace(self, place: int, release: Release, *, kill: bool) -> None:
        """Stop what serves in this place, as a deploy does, and serve this release there."""
        found, stack = self.places[place]
        if kill:
            os.kill(random.choice(found.workers()), signal.SIGKILL)
        found.process.send_signal(signal.SIGTERM)
        del self.places[place]
        found.process.wait(30)
        stack.close()
        self.start(place, release)
        self.steps.append(f"{'killed, ' if kill else ''}to {release.name}")
        print(f"place {place}: {self.steps[-1]}", flush=True)

    def close(self) -> None:
        for _, stack in self.places.values():
            stack.close()


class Traveller(Follower):
    """A `Traveller` is a reader behind a load balancer: each connection goes to any of the services."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        often = drop_every(chance.choice([7, 20, 50, 10_000]))
        self._fleet = fleet
        self._chance = chance
        question = f"{chance.choice(QUESTIONS)} {uuid.uuid4().hex}"
        # The pictures come early, so whoever leaves after the first frame gets them from any of the services.
        super().__init__("", question, drop=lambda seen: seen.kind == "start" or often(seen), seconds=ANSWER_SECONDS)

    def _connected(self) -> Stream:
        self.url = self._chance.choice(self._fleet.urls)
        return super()._connected()


class Verdict:
    """A `Verdict` says what came of all answers."""

    def __init__(self, fleet: Fleet, plan: Plan, readers: Sequence[Follower], *, passes_on: bool) -> None:
        self._fleet = fleet
        self._plan = plan
        self._readers = readers
        self._passes_on = passes_on
        self._url = fleet.places[0][0].url
        self.illustrated: Counter[str] = Counter()
        """This says how many of this code's answers have a picture and a source, and how many of their readers saw the
        picture, and the places of the source."""
        self.lost = [reader.story() for reader in readers if not reader.status and not reader.wrong]
        self.wrong = [f"{why}: {reader.story()}" for reader in readers if (why := self._wrong(reader))]
        self.tracebacks = fleet.said.count("Traceback")
        self.errors = Counter(re.findall(r"\bERROR\b.*", fleet.said))

    def _wrong(self, reader: Follower) -> str:
        """Return what can't be right. The list is empty where all is right."""
        if reader.wrong:
            return "read what nobody may"
        stands = self._kept(reader)
        if not reader.status:
            return ""
        if stands.get("status") != reader.status:
            return f"kept as {stands}"
        if reader.status == "completed":
            return self._wrong_picture(reader) if reader.text == stands["text"] == SAID else "not what was said"
        if reader.error.get("code") != "interrupted":
            return "it had no reason to fail"
        honest = SAID.startswith(reader.text) and reader.text.startswith(stands["text"])
        return "" if honest and len(reader.text) - len(stands["text"]) <= FLUSH else "not a beginning of what was said"

    def _wrong_picture(self, reader: Follower) -> str:
        """Return what is wrong with the picture or the source of a whole answer. An answer has both where this code has
        written it, which its notes show."""
        frames = last_run(read_log(self._url, reader.answer_id))
        answer, session = shown_by_answer(self._url, reader.answer_id), shown_by_session(self._url, reader)
        if answer != session:
            return f"the session has {session}, the answer {answer}"
        if not is_illustrated(reader) or not any(frame["type"] == "note" for frame in frames):
            return ""
        log = shown_by_frames(frames)
        flaw = find_flaw(self._url, log, answer, session)
        return flaw or (self._unseen(reader, frames) if log.images else "the picture is missing")

    def _unseen(self, reader: Follower, frames: Sequence[dict[str, Any]]) -> str:
        """Return what the reader didn't see, although an older worker passes on the frames that it doesn't know. The
        places of a source are a field, which it doesn't pass on."""
        kinds = {seen.frame["seq"]: seen.kind for seen in reader.seen}
        missed = [frame["seq"] for frame in frames if frame["type"] == "image" and kinds.get(frame["seq"]) != "image"]
        has_places = any(seen.content.get("cites") for seen in reader.kinds("reference"))
        self.illustrated.update({"drawn": 1, "seen": not missed, "with places": has_places})
        return f"the pictures {missed} weren't passed on" if missed and self._passes_on else ""

    def _kept(self, reader: Follower) -> dict[str, Any]:
        found = request(self._url, f"/api/answers/{reader.answer_id or 'unasked'}")[1]
        return found if isinstance(found, dict) else {}

    def show(self) -> bool:
        """Print the verdict, and tell whether all is well."""
        readers = self._readers
        ends = Counter(reader.status or "none" for reader in readers)
        codes = Counter(reader.error["code"] for reader in readers if reader.error)
        again = sum(bool(reader.kinds("restart")) for reader in readers)
        print(f"\nfrom {self._plan.revision} and back, background {'on' if self._plan.background else 'off'}")
        print(f"answers    {len(readers)}: {dict(ends)} {dict(codes)}")
        print(f"steps      {len(self._fleet.steps)}: {dict(Counter(self._fleet.steps))}")
        print(f"came back  {sum(reader.connections - 1 for reader in readers)} times")
        print(f"takeovers  {self._fleet.said.count('is taken over')}, {again} texts were begun again")
        print(f"notes      {sum(len(reader.kinds('note')) for reader in readers)}, a kind the release doesn't know")
        print(f"pictures   {dict(self.illustrated)}")
        print(f"tracebacks {self.tracebacks}", *self.errors.items(), sep="\n  ")
        print(f"lost       {len(self.lost)}", *self.lost[:10], sep="\n  ")
        print(f"wrong      {len(self.wrong)}", *self.wrong[:10], sep="\n  ")
        well = not (self.lost or self.wrong or self.tracebacks)
        print("all is well" if well else "IT IS NOT WELL")
        return well


def install(revision: str, folder: Path) -> Release:
    """Make a copy of this revision, with what it needs."""
    code, environment = folder / "code", folder / "environment"
    code.mkdir(parents=True)
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(code)], input=packed, check=True)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(code)], check=True)
    passes_on = (code / "qa_service/stores/items.py").exists()
    return Release(f"release {revision}", code, environment / "bin", "wsgi:app", passes_on=passes_on)


@contextmanager
def fleet(plan: Plan, folder: Path, redis: RedisServer, upstream: ScriptedUpstream, old: Release) -> Iterator[Fleet]:
    """Give all services, which begin with the old release."""
    settings = {
        "QA_DATA": str(folder / "data"),
        "QA_ALLOW_ANONYMOUS": "on",
        "QA_SECRET": SECRET,
        "QA_BACKGROUND": "on" if plan.background else "off",
        "QA_HEARTBEAT_SECONDS": "1",
        "QA_DRAIN_SECONDS": "1",
        "REDIS_URL": redis.url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": upstream.url,
        "WEB_CONCURRENCY": str(WORKERS),
    }
    found = Fleet(folder, settings)
    try:
        for place in range(SERVICES):
            found.start(place, old)
        yield found
    finally:
        found.close()


def roll(there: Fleet, release: Release, seconds: float) -> None:
    """Replace one after another; the worker of every second one is killed first."""
    for place in range(SERVICES):
        time.sleep(seconds)
        there.replace(place, release, kill=place % 2 == 0)
    time.sleep(seconds)


def planned() -> Plan:
    """Read the plan from the environment."""
    last = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True)
    revision = os.environ.get("REV") or last.stdout.strip()
    if not revision:
        sys.exit("There is no tag. Say with REV=… which release to come from.")
    return Plan(
        revision,
        background=os.environ.get("UPGRADE_BACKGROUND", "on") == "on",
        clients=int(os.environ.get("UPGRADE_CLIENTS", "24")),
        seconds=float(os.environ.get("UPGRADE_SECONDS", "8")),
    )


def main() -> None:
    plan = planned()
    new = Release("this code", ROOT, BIN, "tests.live.later_site:make_app()", passes_on=True)
    with tempfile.TemporaryDirectory(prefix="upgrade-") as name, ScriptedUpstream() as upstream:
        folder = Path(name)
        old = install(plan.revision, folder / "release")
        (folder / "redis").mkdir()
        with redis_server(folder / "redis") as redis, fleet(plan, folder, redis, upstream, old) as there:
            chances = [random.Random(number) for number in range(plan.clients)]
            clients = [Asking(partial(Traveller, there, chance), ANSWER_SECONDS) for chance in chances]
            roll(there, new, plan.seconds)
            roll(there, old, plan.seconds)
            for client in clients:
                client.stop()
            readers = [reader for client in clients for reader in client.join()]
            until(lambda: not redis.held(), ANSWER_SECONDS, "nothing is being written")
            there.replace(0, new, kill=False)
            well = Verdict(there, plan, readers, passes_on=old.passes_on).show()
    sys.exit(not well)


if __name__ == "__main__":
    main()
