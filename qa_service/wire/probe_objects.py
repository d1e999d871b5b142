"""This module declares what the probe sends: the frames of its stream, and what became of a body."""

from typing import TypeAlias

from qa_service.wire.structs import Outgoing
from qa_service.wire.typed import DoneFrame, HeartbeatFrame, TypedFrame


class ProbeContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `probe` frame: how the request arrived, and what the service will do."""

    protocol: str
    origins: tuple[str, ...]
    headers: tuple[str, ...]
    forwarded: tuple[str, ...]
    trusts_forwarded: bool
    heartbeat_ms: int
    body_bytes: int
    version: str


class TickContent(Outgoing, frozen=True, kw_only=True):
    """This is the content of a `tick` frame."""

    sent_ms: int


class ProbeFrame(TypedFrame, frozen=True, kw_only=True, tag="probe"):
    """This is the first frame of a probe."""

    content: ProbeContent


class TickFrame(TypedFrame, frozen=True, kw_only=True, tag="tick"):
    """This frame of a probe says when it was sent."""

    content: TickContent


class ReceiptObject(Outgoing, frozen=True, kw_only=True):
    """This says how much of a body has arrived."""

    received_bytes: int


PROBE_FRAMES: TypeAlias = ProbeFrame | TickFrame | HeartbeatFrame | DoneFrame
"""A frame of a probe is one of these."""
PROBE_OBJECTS = (ProbeFrame, TickFrame, ReceiptObject)
