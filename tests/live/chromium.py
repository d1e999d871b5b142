"""A real Chromium, and what the tests of the page do in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

# The shell is the same engine without the windows around it, and takes half the CPU.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), "/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
ANSWERED = '.turn:last-child .answer[aria-busy="false"]'
PATIENCE = 20_000
"""Milliseconds a browser may take on a busy machine."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The test is skipped where there is none."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()
