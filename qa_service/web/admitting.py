"""This module brings a question that was read to the desk, and begins its answer or finds the one it has already.

All routes that ask use it. Those of other protocols come here through `foreign_questions.py`.
"""

import time

from flask import request
from msgspec.structs import replace

from qa_service.desk import Repeated, check_wait
from qa_service.errors import NotFound, RateLimited, StoreUnavailable
from qa_service.model import Echo, Owner, Question
from qa_service.questions import build_question
from qa_service.running.source import AnswerSource
from qa_service.submission import Submission
from qa_service.web.bodies import may_be_large
from qa_service.web.forms import read_query
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import Mounted
from qa_service.web.repeats import find_repeat, name_key
from qa_service.wire.formats import WireFormat

_POLL_SECONDS = 0.05


def check_rate(service: Mounted, owner: Owner) -> None:
    """Refuse an owner who has no question left before anything of a body that may be large is read.

    Repeating a question, or coming back to an answer, doesn't count as a question. A large body is read where the
    headers or the address name a key or an answer of this owner's. A field of the body may name one too, so small
    bodies are read first. A large one that alone names it is refused until the owner may ask again.
    """
    if request.method == "GET" or not may_be_large(request):
        return
    fields = read_query(request)
    seen = request.headers.get("Last-Event-ID") or fields.get("lastEventId", "")
    answer_id = seen.strip().partition("-")[0]
    if answer_id and service.assembly.runner.writes_answer(owner, answer_id):
        return  # The store isn't needed, and may be away.
    try:
        check_wait(service.assembly.limiter.seconds_to_wait(owner))
    except RateLimited as refusal:
        repeats = service.assembly.desk.repeats
        key = name_key(owner, fields, request.headers.get("Idempotency-Key", ""))
        if (key and repeats.knows_key(owner, key)) or (answer_id and repeats.knows_answer(owner, answer_id)):
            return
        service.assembly.meter.count_event("refusals", label=refusal.code)
        raise


def begin_answer(
    service: Mounted, owner: Owner, sent: Submission, wanted: WireFormat, *, echo: Echo | None = None
) -> AnswerSource | None:
    """Begin the answer to what this owner sent. Where it repeats a question, find the answer that this one has; the
    result is None where nothing of that answer comes any more. `echo` is kept with the answer.

    Raises what `build_question` and `Desk.admit` raise.
    """
    question = replace(_build(service, owner, sent, wanted), echo=echo)
    if echo and echo.background:
        question = replace(question, on_hangup="ignore")
    return _join(service, question, sent)


def _build(service: Mounted, owner: Owner, sent: Submission, wanted: WireFormat) -> Question:
    settings = service.assembly.settings
    question = build_question(
        sent,
        owner,
        settings,
        language=spoken_language(),
        resumable=wanted.is_resumable,
        offline=service.assembly.offline,
    )
    header, get = request.headers.get("Idempotency-Key", ""), request.method == "GET"
    repeat = find_repeat(question, sent.fields, header, get=get, seconds=settings.idempotency_ttl)
    return replace(question, repeat=repeat)


def _join(service: Mounted, question: Question, sent: Submission) -> AnswerSource | None:
    assembly = service.assembly
    until = time.monotonic() + assembly.pace.join
    while isinstance(outcome := assembly.desk.admit(question), Repeated):
        assembly.runner.check_room_to_read(question.owner)
        try:
            source = assembly.runner.find_answer(question.owner, outcome.answer_id)
        except NotFound:
            if time.monotonic() > until:
                raise StoreUnavailable("the question that this one repeats isn't admitted yet", retry_after=1) from None
            assembly.desk.forget(question, outcome)
            time.sleep(_POLL_SECONDS)
        else:
            sent.discard_files()
            return source
    return assembly.runner.start_answer(outcome)
