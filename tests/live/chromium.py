"""This module has a real Chromium, and what the tests of the page do in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Request, expect, sync_playwright

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
"""A browser may take this many milliseconds on a busy machine."""
expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a Chromium. The test is skipped where there is none."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


def ask(page: Page, question: str, *files: FilePayload) -> None:
    """Ask, and wait until the answer is whole."""
    before = page.locator(".turn").count()
    if files:
        page.set_input_files('[data-part="picker"]', list(files))
    page.fill("#question", question)
    page.press("#question", "Enter")
    expect(page.locator(".turn")).to_have_count(before + 1)
    wait_for_answer(page)


def wait_for_answer(page: Page) -> None:
    """Wait until the last answer is whole, and the next question can be sent."""
    expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
    expect(page.locator('[data-part="send"]')).to_be_visible()


def asked(page: Page) -> list[Request]:
    """Note the questions that are sent from now on."""
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/ask") else None)
    return sent
