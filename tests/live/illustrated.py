"""This module has an answer with a picture and a source: everywhere it is shown, it must have both."""

import http.client
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from tests.live.following import Follower
from tests.live.reading import Resumed, request
from tests.scripts import NAMED, noise

NAME = "illustrated"
"""This is the script of such answers, in `NAMED`."""
QUESTION = f"script:{NAME} 환불은 며칠 안에 되나요?"


class Illustrated(Struct, frozen=True):
    """An `Illustrated` is the pictures and the sources of an answer that is over, as this place shows them."""

    images: list[dict[str, Any]]
    references: list[dict[str, Any]]

    @property
    def has_cites(self) -> bool:
        """Tell whether each source has its places."""
        return bool(self.references) and all(source.get("cites") for source in self.references)

    def unsigned(self) -> Self:
        """Return the same without signatures, because a worker that takes an answer over signs the addresses of its
        turn anew."""
        images = [{**image, "url": image["url"].partition("?")[0]} for image in self.images]
        return replace(self, images=images)


def is_illustrated(reader: Follower) -> bool:
    """Tell whether its question asks for such an answer."""
    return NAME in reader.question


def read_log(url: str, answer_id: str) -> list[dict[str, Any]]:
    """Return all frames of the answer, as a reader gets them who comes now."""
    with Resumed(url, answer_id) as stream:
        return [seen.frame for seen in stream.finish().seen if "seq" in seen.frame]


def last_run(frames: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the frames behind the last `restart`."""
    kinds = [frame["type"] for frame in frames]
    return frames[len(kinds) - kinds[::-1].index("restart") if "restart" in kinds else 0 :]


def shown_by_frames(frames: Sequence[dict[str, Any]]) -> Illustrated:
    """Return what a reader of these frames has in the end."""
    images = {frame["content"]["index"]: frame["content"] for frame in frames if frame["type"] == "image"}
    references = [frame["content"] for frame in frames if frame["type"] == "reference"]
    return Illustrated([image for image in images.values() if not image["partial"]], references)


def shown_by_answer(url: str, answer_id: str) -> Illustrated:
    """Return what the answer has when it is asked for as one object."""
    return _shown_by_object(request(url, f"/api/answers/{answer_id}")[1])


def shown_by_session(url: str, reader: Follower) -> Illustrated:
    """Return what its turn has in the history of its session."""
    turns = request(url, f"/api/sessions/{reader.session_id}")[1]["turns"]
    return _shown_by_object(next(turn for turn in turns if turn["answerId"] == reader.answer_id))


def find_flaw(url: str, *shown: Illustrated) -> str:
    """Return what is wrong with a whole answer, which these places show. The text is empty where all is right. There
    may be no picture."""
    if any(one.unsigned() != shown[0].unsigned() for one in shown):
        return f"shown as {shown}"
    if not shown[0].has_cites:
        return f"no places in {shown[0].references}"
    images = [image for one in shown for image in one.images if not _can_be_fetched(url, image)]
    return f"{images} can't be fetched" if images else ""


def _can_be_fetched(url: str, image: dict[str, Any]) -> bool:
    """Tell whether the picture at this address is the one that was drawn."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", image["url"])
        response = connection.getresponse()
        return (response.status, response.read()) == (200, noise(NAMED[NAME].picture))
    finally:
        connection.close()


def _shown_by_object(found: dict[str, Any]) -> Illustrated:
    return Illustrated(found.get("images", []), found.get("references", []))
