"""This module measures how soon a page can be written into on a slow network, in Chromium.

    python -m benchmarks.first_load http://127.0.0.1:8000/

Every visit is a first one. Each request waits 300 ms for its answer, and 50 KB come in a second.
"""

import argparse
import json
from statistics import median

from playwright.sync_api import Browser, Page, expect

from tests.live.chromium import PATIENCE, chromium

SLOW = {"offline": False, "latency": 300, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
WATCH = """(() => {
    const seen = window.seen = {};
    const look = () => {
        const chat = document.querySelector("qa-chat");
        const field = chat?.shadowRoot?.getElementById("question");
        if (field?.checkVisibility()) seen.writing ??= performance.now();
        if (chat?.chat) seen.sending ??= performance.now();
        if (chat?.shadowRoot?.getElementById("drop-limits")?.textContent) seen.whole ??= performance.now();
        if (!seen.whole) requestAnimationFrame(look);
    };
    look();
})();"""


def load_page(browser: Browser, url: str) -> dict[str, float]:
    """Visit the page as somebody whose browser knows nothing of it. Tell after how many milliseconds people can write
    and can send, and after how many the page is whole; and how many requests and bytes that took."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    received = _count_bytes(page)
    page.add_init_script(WATCH)
    page.goto(url)
    expect(page.locator("#drop-limits")).not_to_be_empty(timeout=PATIENCE)
    page.evaluate("new Promise(requestAnimationFrame)")
    seen: dict[str, float] = page.evaluate("window.seen")
    context.close()
    return {**seen, "requests": len(received), "bytes": sum(received)}


def _count_bytes(page: Page) -> list[int]:
    """Slow the page's network down, and return a list that gets the bytes of each answer."""
    received: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    session.on("Network.loadingFinished", lambda event: received.append(int(event["encodedDataLength"])))
    return received


def run() -> None:
    """Visit the page some times, and print the medians."""
    parser = argparse.ArgumentParser(description="Measure how soon a page can be written into on a slow network.")
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000/")
    parser.add_argument("--visits", type=int, default=5)
    options = parser.parse_args()
    with chromium() as browser:
        loads = [load_page(browser, options.url) for _ in range(options.visits)]
    print(json.dumps({name: round(median(load[name] for load in loads)) for name in loads[0]}))


if __name__ == "__main__":
    run()
