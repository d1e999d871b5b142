"""This module makes the lines of one drawing from what upstream tells. It knows nothing of readers and stores."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from qa_service.deltas import Drawn, Finished
from qa_service.errors import ContentFilter, UpstreamRejected
from qa_service.images.lines import DrawnLine, final_line, partial_line
from qa_service.interfaces import Stop, Upstream
from qa_service.model import Language, Message, Owner, Prompt


class ImageOrder(Struct, frozen=True):
    """An `ImageOrder` is a prompt for which pictures are to be drawn. `request` tells equal requests of one owner from
    others; it is empty where this one never joins another."""

    owner: Owner
    prompt: str
    model: str
    language: Language = "en"
    request: str = ""


def write_lines(
    upstream: Upstream, order: ImageOrder, identifier: str, keep: Callable[[str], str], stop: Stop
) -> Iterator[DrawnLine]:
    """Draw, and give the lines as they come. Upstream hears of the caller as `identifier`. `keep` takes the path of a
    file that is about to be deleted, and returns the path under which it stays.

    Raises `UpstreamError`, or `Cancelled` once the stop is set.
    """
    finished: list[str] = []
    told = 0
    prompt = Prompt(order.model, (Message("user", order.prompt),), order.prompt, safety_identifier=identifier)
    with upstream.open_answer(prompt, stop) as deltas:
        for delta in deltas:
            match delta:
                case Drawn(path=""):
                    continue
                case Drawn(partial=True, path=path):
                    yield partial_line(told, keep(path))
                    told += 1
                case Drawn(path=path):
                    finished.append(keep(path))
                case Finished(usage_as_told=usage, model=model) if finished:
                    yield final_line(told, finished, usage=usage, model=model or order.model)
                case Finished(reason=reason):
                    raise _explain_absence(reason)


def _explain_absence(reason: str) -> ContentFilter | UpstreamRejected:
    if reason in ("content_filter", "refusal"):
        return ContentFilter("the model refused to draw this")
    return UpstreamRejected("the model ended without a picture")
