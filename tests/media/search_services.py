"""This module has a real HTTP server that plays YouTube's and Google's search services: recorded shapes of answers, and
faults."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

VIDEOS = {
    "kind": "youtube#searchListResponse",
    "etag": "q7Vx0sEoWdYc1Yk9",
    "nextPageToken": "CAUQAA",
    "regionCode": "KR",
    "pageInfo": {"totalResults": 1000000, "resultsPerPage": 5},
    "items": [
        {
            "kind": "youtube#searchResult",
            "etag": "Zk2",
            "id": {"kind": "youtube#video", "videoId": "kVo_wMJ9-3Q"},
            "snippet": {
                "publishedAt": "2026-03-02T09:00:11Z",
                "channelId": "UC0000000000000000000000",
                "title": "전기밥솥 &amp; 배터리 &#39;초간단&#39; 정리",
                "description": "…",
                "thumbnails": {
                    "default": {"url": "https://i.ytimg.com/vi/kVo_wMJ9-3Q/default.jpg", "width": 120, "height": 90},
                    "medium": {"url": "https://i.ytimg.com/vi/kVo_wMJ9-3Q/mqdefault.jpg", "width": 320, "height": 180},
                    "high": {"url": "https://i.ytimg.com/vi/kVo_wMJ9-3Q/hqdefault.jpg", "width": 480, "height": 360},
                },
                "channelTitle": "살림 &quot;연구소&quot;",
                "liveBroadcastContent": "none",
                "publishTime": "2026-03-02T09:00:11Z",
            },
        },
        {
            "kind": "youtube#searchResult",
            "id": {"kind": "youtube#channel", "channelId": "UC1"},
            "snippet": {"title": "A channel", "thumbnails": {}},
        },
        {
            "kind": "youtube#searchResult",
            "id": {"kind": "youtube#video", "videoId": "a1b2C3d4E5_"},
            "snippet": {
                "title": "Batteries",
                "channelTitle": "Lab",
                "thumbnails": {"default": {"url": "javascript:x"}},
            },
        },
    ],
}
PICTURES = {
    "kind": "customsearch#search",
    "url": {"type": "application/json", "template": "https://www.googleapis.com/customsearch/v1?q={searchTerms}"},
    "queries": {"request": [{"title": "Google Custom Search - 배터리", "count": 5, "searchType": "image"}]},
    "searchInformation": {"searchTime": 0.31, "totalResults": "12300"},
    "items": [
        {
            "kind": "customsearch#result",
            "title": "배터리 구조",
            "htmlTitle": "<b>배터리</b> 구조",
            "link": "https://img.example/%EB%B0%B0%ED%84%B0%EB%A6%AC.jpg",
            "displayLink": "page.example",
            "snippet": "배터리의 구조",
            "mime": "image/jpeg",
            "fileFormat": "image/jpeg",
            "image": {
                "contextLink": "https://page.example/battery",
                "height": 800,
                "width": 1200,
                "byteSize": 123456,
                "thumbnailLink": "https://encrypted-tbn0.gstatic.com/images?q=tbn:abc&s",
                "thumbnailHeight": 100,
                "thumbnailWidth": 150,
            },
        },
        {"kind": "customsearch#result", "title": "Raw", "link": "x-raw-image:///0b1c", "image": {}},
        {"kind": "customsearch#result", "title": "Bare", "link": "https://img.example/b.png"},
    ],
}
NOTHING = {"kind": "customsearch#search", "searchInformation": {"totalResults": "0"}}
QUOTA = {
    "error": {
        "code": 403,
        "message": "The request cannot be completed because you have exceeded your quota.",
        "errors": [{"message": "…", "domain": "youtube.quota", "reason": "quotaExceeded"}],
    }
}


class SearchServices:
    """A `SearchServices` is the server, for use in a `with`. `answer` is what it says to every request from now on."""

    def __init__(self, answer: object = NOTHING, *, status: int = 200, fault: str = "", seconds: float = 0) -> None:
        self.answer: object = answer
        self.status = status
        self.fault = fault
        self.seconds = seconds
        self.location = ""
        """This is where a redirect leads."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/search"

    @property
    def last(self) -> Mapping[str, str]:
        """Return the parameters of the last request."""
        return self.asked[-1][1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, services: SearchServices) -> None:
        self.services = services
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that gave up."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        services, asked = self.server.services, urlsplit(self.path)
        services.asked.append((asked.path, {name: values[0] for name, values in parse_qs(asked.query).items()}))
        time.sleep(services.seconds)
        if services.fault == "hang up":
            return
        answer = services.answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(services.status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        if services.location:
            self.send_header("Location", services.location)
        self.end_headers()
        self._write(body, services.fault)

    def _write(self, body: bytes, fault: str) -> None:
        if fault == "cut":
            self.wfile.write(body[: len(body) // 2])
        elif fault == "drip":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.02)
        else:
            self.wfile.write(body)
