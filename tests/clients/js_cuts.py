"""This module reads answers with the JavaScript client through many random cuts, in Node and in Chromium: minutes, by
hand.

python -m tests.clients.js_cuts --cuts 1000

Every answer is compared with its stream over a connection that nobody cuts, and the model must have been asked once for
each question. Half of the cuts fall to each platform.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias
from urllib.request import Request, urlopen
from uuid import uuid4

from playwright.sync_api import Page, Route

from tests.clients.project import CHECKS, PACKAGE, make_project
from tests.live.chromium import chromium
from tests.live.processes import Service, gunicorn, program
from tests.scripted_upstream import NAMED, ScriptedUpstream, pieces

KEY = "personal-secret-012345678"
AT_ONCE = {"Node": 20, "Chromium": 5}
"""This many answers are read at once. Chromium has no more than six connections to a host."""
TEXT = "".join(pieces(NAMED["paced"]))
PAGE = "<!doctype html><title>cuts</title>"
READ = """async (given) => {
    const { createClient } = await import("/client/index.js");
    const { readAnswers } = await import("/checks/reading.mjs");
    return readAnswers(createClient, given);
}"""

Answers: TypeAlias = list[dict[str, Any]]


def read_in_node(served: Service, folder: Path, questions: Sequence[str]) -> tuple[int, Answers]:
    """Return the number of cuts, and the answers."""
    given = {"port": served.port, "seed": random.randrange(1 << 30), "token": KEY, "questions": questions}
    command = [program("node"), "cuts.mjs", json.dumps(given)]
    found = json.loads(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return found["cuts"], found["answers"]


def read_in_chromium(served: Service, page: Page, questions: Sequence[str]) -> tuple[int, Answers]:
    """Return the number of cuts, and the answers."""
    with cutting_proxy(served.port) as (api, proxy):
        page.goto(api.replace("/api", "/page"))
        answers: Answers = page.evaluate(READ, {"url": api, "token": KEY, "questions": questions})
        assert proxy.stdin
        assert proxy.stdout
        proxy.stdin.write("?\n")
        proxy.stdin.flush()
        return int(proxy.stdout.readline()), answers


@contextmanager
def cutting_proxy(port: int) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Give the proxy as a process, and the address of the API behind it."""
    command = [program("node"), str(CHECKS / "cutting.mjs"), str(port), str(random.randrange(1 << 30))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout
        yield proxy.stdout.readline().strip(), proxy
        proxy.kill()


def serve_client(page: Page) -> None:
    """Give the page the client and the checks from the disk, because the proxy would cut them, too."""

    def serve_file(route: Route) -> None:
        folder, name = route.request.url.rsplit("/", 2)[1:]
        content = ({"client": PACKAGE / "src", "checks": CHECKS}[folder] / name).read_text()
        route.fulfill(body=content, content_type="text/javascript")

    page.route("**/client/*", serve_file)
    page.route("**/checks/*", serve_file)
    page.route("**/page", lambda route: route.fulfill(body=PAGE, content_type="text/html"))


def compare(served: Service, upstream: ScriptedUpstream, answers: Answers) -> None:
    """Compare each answer with what the service keeps of it, and count what it was paid for."""
    asked = [json.dumps(request.body) for request in upstream.requests]
    for answer in answers:
        assert (answer["text"], answer["status"]) == (TEXT, "completed"), answer
        assert answer["frames"] == uncut_frames(served, answer["answerId"])
        word = answer["question"].split()[-1]
        assert sum(word in body for body in asked) == 1, word


def uncut_frames(served: Service, answer_id: str) -> list[Mapping[str, Any]]:
    request = Request(
        f"{served.url}/api/answers/{answer_id}/stream?after=0", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urlopen(request, timeout=30) as response:
        events = response.read().decode().split("\n\n")
    return [json.loads(event.removeprefix("data: ")) for event in events if '"seq"' in event]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000)
    wanted = parser.parse_args().cuts / len(AT_ONCE)
    with TemporaryDirectory() as name, ScriptedUpstream() as upstream, chromium() as browser:
        folder = Path(name)
        make_project(folder)
        page = browser.new_page()
        serve_client(page)
        settings = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url, "QA_API_KEYS": f"me:{KEY}:personal"}
        with gunicorn(folder, **settings) as served:
            for platform, at_once in AT_ONCE.items():
                cuts, read, began = 0, 0, time.monotonic()
                while cuts < wanted:
                    questions = [f"script:paced {uuid4()}" for _ in range(at_once)]
                    if platform == "Node":
                        more, answers = read_in_node(served, folder, questions)
                    else:
                        more, answers = read_in_chromium(served, page, questions)
                    compare(served, upstream, answers)
                    cuts, read = cuts + more, read + len(answers)
                seconds = time.monotonic() - began
                print(f"{platform}: {cuts} cuts, {read} answers, each whole and paid once, in {seconds:.0f} s")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
