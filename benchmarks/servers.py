"""This module starts the servers that are compared. All of them are asked with the same JSON."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from msgspec import Struct

from benchmarks.load import TYPED, Crowd, Door, Notation
from benchmarks.processes import Program
from qa_service.stores.embedded import find_server

ROOT = Path(__file__).parents[1]
CACHE = Path.home() / ".cache/qa-service-bench"
PACKAGES = ("express@5", "openai@7")
KEY = "benchmark-key-0123456789"
START_SECONDS = 60
PRODUCT = "qa-service"
FOREIGN = ("QA_", "OPENAI_", "GUNICORN_", "REDIS_")
"""Environment variables that begin like this would change what is measured, so no server gets them."""

QUESTIONS = (
    "How long is the battery covered by the warranty?",
    "And if it was replaced once already?",
    "보증 기간은 언제부터 계산되나요?",
    "Does that hold for the charger too?",
    "What does shipping to Busan cost?",
    "그건 왜 그런가요?",
    "Which papers do I have to send along?",
    "Please sum that up in one sentence.",
)


QuestionWriter: TypeAlias = Callable[[str, str], Mapping[str, object]]
"""A `QuestionWriter` makes the JSON that asks a question in a session."""


class Ports(Struct, frozen=True):
    """A `Ports` names three ports in a row."""

    first: int

    @property
    def upstream(self) -> int:
        return self.first

    @property
    def server(self) -> int:
        return self.first + 1

    @property
    def redis(self) -> int:
        return self.first + 2


class Place(Struct, frozen=True):
    """A `Place` says where everything runs."""

    ports: Ports
    server_cores: Collection[int]
    other_cores: Collection[int]
    """Upstream, Redis and the load run on these cores."""
    folder: Path
    """This folder is for logs and the product's files. It is deleted afterwards."""


class Recipe(Struct, frozen=True):
    """A `Recipe` says how a server is started."""

    path: str
    command: Callable[[Place, int], Sequence[str]]
    """This makes the command that starts the server with this many workers."""
    environment: Callable[[Place, Path], Mapping[str, str]]
    """This makes the server's environment variables. The path is that of a fresh folder for its files."""
    redis: bool = False


class Server(Struct, frozen=True):
    """A `Server` is a server that runs."""

    name: str
    pid: int
    door: Door
    redis: int = 0
    """This is the process id of the server's Redis, or 0 where it has none."""


class NotHere(Exception):
    """A server can't be measured on this machine. The message says why."""


def environment() -> dict[str, str]:
    """Return our environment variables without those that would change the figures, and with the paths at which the
    programs that are started find their modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "PYTHONPATH": str(ROOT), "NODE_PATH": str(CACHE / "node_modules"), "NO_PROXY": "127.0.0.1"}


def _gunicorn(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "gunicorn", "--chdir", str(ROOT), *arguments)


def _naive(place: Place, workers: int) -> Sequence[str]:
    address = f"127.0.0.1:{place.ports.server}"
    gevent = ("-k", "gevent", "--worker-connections", "4000")
    return _gunicorn("-w", str(workers), "-b", address, *gevent, "benchmarks.naive:app")


def _express(place: Place, workers: int) -> Sequence[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NotHere("express is left out: there is no Node with npm on the PATH")
    if not (CACHE / "node_modules/express").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        install = (npm, "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", "--silent", *PACKAGES)
        if subprocess.run(install).returncode:
            raise NotHere("express is left out: npm couldn't install it")
    return (node, str(Path(__file__).with_name("express.js")))


def _product(place: Place, workers: int) -> Sequence[str]:
    address = f"127.0.0.1:{place.ports.server}"
    return _gunicorn("-c", str(ROOT / "gunicorn.conf.py"), "-w", str(workers), "-b", address, "wsgi:app")


def _model(place: Place, folder: Path) -> Mapping[str, str]:
    address = f"http://127.0.0.1:{place.ports.upstream}/v1"
    return {"OPENAI_BASE_URL": address, "OPENAI_API_KEY": "sk-benchmark", "PORT": str(place.ports.server)}


def _product_environment(place: Place, folder: Path) -> Mapping[str, str]:
    settings = {
        "QA_API_KEYS": f"benchmark:{KEY}:personal",
        "QA_RATE": "100000000/minute",
        "QA_MAX_ANSWERS": "4000",
        "QA_DATA": str(folder),
        "REDIS_URL": f"redis://127.0.0.1:{place.ports.redis}/0",
    }
    return {**_model(place, folder), **settings}


RECIPES: Mapping[str, Recipe] = {
    "naive": Recipe("/ask", _naive, _model),
    "express": Recipe("/ask", _express, _model),
    PRODUCT: Recipe("/api/ask", _product, _product_environment, redis=True),
}


def write_question(question: str, session_id: str) -> Mapping[str, object]:
    """Write the fields of a question as all servers read them."""
    return {"question": question, "sessionId": session_id, "topic": "auto"}


def door_to(port: int, path: str, write: QuestionWriter = write_question, notation: Notation = TYPED) -> Door:
    """Make a door at which each connection has a conversation of its own, which grows with every question."""
    run = uuid4().hex

    def request(connection: int, number: int) -> bytes:
        question = QUESTIONS[(connection + number) % len(QUESTIONS)]
        body = json.dumps(write(question, f"{run}-{connection}")).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    return Door(port, request, notation)


@contextmanager
def serving(
    name: str, place: Place, *, workers: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a fresh server, and wait until it has answered a question. It answers by the script that upstream has
    now. `settings` are environment variables that it gets besides its own."""
    recipe = RECIPES[name]
    command = recipe.command(place, workers)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place.folder, ignore_cleanup_errors=True)))
        redis = stack.enter_context(_redis(place, folder)).pid if recipe.redis else 0
        program = Program(
            command,
            log=folder / "log",
            cores=place.server_cores,
            environment={**environment(), **recipe.environment(place, folder), **(settings or {})},
        )
        stack.enter_context(program)
        server = Server(name, program.pid, door_to(place.ports.server, recipe.path), redis)
        _await(server, program, folder / "log")
        yield server


def _redis(place: Place, folder: Path) -> Program:
    options = ("--port", str(place.ports.redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    command = (shutil.which("redis-server") or find_server(), *options, "--dir", str(folder))
    return Program(command, log=folder / "redis.log", cores=place.other_cores, environment=environment())


def _await(server: Server, program: Program, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    fault = ""
    while time.monotonic() < end and program.alive:
        fault = _try(server)
        if not fault:
            return
        time.sleep(0.2)
    raise NotHere(f"{server.name} is left out: it doesn't answer ({fault})\n{log.read_text()[-2000:]}")


def _try(server: Server) -> str:
    """Ask the server one question, and return what is wrong with its answer."""
    try:
        with Crowd(server.door, deltas=1) as crowd:
            crowd.admit([0])
            crowd.finish(START_SECONDS)
            return "; ".join(crowd.tally.faults)
    except OSError as error:
        return str(error)
