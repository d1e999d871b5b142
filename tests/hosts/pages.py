"""This module has the examples as somebody follows them: their files with the addresses of a test, and the commands of
their pages."""

import http.client
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.live.processes import ROOT, clean_environment, program

EXAMPLES = ROOT / "examples"


def changed(file: Path, changes: Mapping[str, str]) -> str:
    """Return what a file says, with other addresses in the place of those that it names. Each of them must stand
    there."""
    text = file.read_text()
    for said, here in changes.items():
        assert said in text, f"{file.name} doesn't say {said}"
        text = text.replace(said, here)
    return text


def commands(page: Path) -> list[str]:
    """Return the commands of a page's blocks for a terminal, in their order. A command may go on in the next line."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)$", "\n".join(blocks), re.MULTILINE)
    assert found, f"{page} has no command"
    return found


def ask_as_shown(lines: Sequence[str], changes: Mapping[str, str], folder: Path) -> str:
    """Run the commands of a page that ask, with other addresses and keys in the place of those that they name, in a
    folder that has the manual where an example has it. Return how the answer of the last one ended."""
    text = "\n".join(lines)
    for said, here in changes.items():
        assert said in text, f"no command says {said}"
        text = text.replace(said, here)
    typed = folder / "typed"
    typed.mkdir()
    (folder / "manual.pdf").symlink_to(EXAMPLES / "manual.pdf")
    command = [program("bash"), "-ec", text]
    ended = subprocess.run(command, cwd=typed, env=clean_environment({}), capture_output=True, timeout=30)
    frames = [line.removeprefix(b"data: ") for line in ended.stdout.splitlines() if line.startswith(b"data: ")]
    assert frames, ended.stdout + ended.stderr
    return str(json.loads(frames[-1])["content"]["status"])


def certificate(folder: Path) -> Path:
    """Return a certificate for this machine in `folder`, with its key beside it."""
    made = folder / "site.pem"
    options = "req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    command = [program("openssl"), *options.split(), "-keyout", folder / "site.key", "-out", made]
    subprocess.run(command, check=True, capture_output=True)
    return made


def log_in(url: str, user: str, path: str = "/login") -> dict[str, str]:
    """Log in at an example's site, and return what the browser sends along from then on."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", path, f"user={quote(user)}", {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    connection.close()
    cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie", [])]
    return {"Cookie": "; ".join(cookies)}
