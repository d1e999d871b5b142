"""One answer: reading it, stopping it."""

import time

from flask import Blueprint, Response

from qa_service.interfaces import History
from qa_service.model import Owner, Turn
from qa_service.web.mounting import asking_owner, mounted
from qa_service.web.problems import json_response
from qa_service.wire.frames import answer

STOP_SECONDS = 2.0
"""How long a cancel waits for the answer's last word; upstream is closed within one."""
POLL_SECONDS = 0.05


def get(answer_id: str) -> Response:
    """The answer as it stands."""
    service, owner = mounted(), asking_owner()
    running = service.assembly.runner.get(owner, answer_id)
    turn = running.turn() if running else service.assembly.history.turn(owner, answer_id)
    return json_response(answer(turn, service.public_prefix()))


def cancel(answer_id: str) -> Response:
    """Stop it, wherever it is written; what was produced is kept. Doing it again changes nothing."""
    service, owner = mounted(), asking_owner()
    assembly = service.assembly
    turn = assembly.history.turn(owner, answer_id)
    if turn.status == "running":
        assembly.runner.stop(answer_id, turn.worker)
        turn = _ended(assembly.history, owner, answer_id)
    return json_response(answer(turn, service.public_prefix()))


def install(blueprint: Blueprint) -> None:
    """The routes of this module."""
    blueprint.add_url_rule("/answers/<answer_id>", "answer", get, methods=["GET"])
    blueprint.add_url_rule("/answers/<answer_id>/cancel", "cancel", cancel, methods=["POST"])


def _ended(history: History, owner: Owner, answer_id: str) -> Turn:
    until = time.monotonic() + STOP_SECONDS
    while (turn := history.turn(owner, answer_id)).status == "running" and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    return turn
