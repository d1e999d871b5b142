"""This module says in a frame what upstream is doing while no text comes."""

from qa_service.deltas import Delta, Drawing, Retrying, Searching, Thinking
from qa_service.frames import StageNotice
from qa_service.storable import storable


def build_notice(delta: Delta) -> StageNotice | None:
    """Build the notice of what upstream has begun to do. It is None where readers are told nothing."""
    match storable(delta):
        case Searching(query=query):
            return StageNotice("searching_web", query=query or None)
        case Thinking():
            return StageNotice("thinking")
        case Drawing():
            return StageNotice("generating_image")
        case Retrying(attempt=attempt, reason=reason):
            return StageNotice("retrying", attempt=attempt, reason=reason)
        case _:
            return None
