"""The schemas that are made from the declared structs hold for what is sent."""

import re
from typing import Any, get_type_hints

import msgspec
import pytest

from qa_service.frames import Frame, Reference, StageNotice
from qa_service.model import StoredFile
from qa_service.turns import SessionPage
from qa_service.wire.content import build_answer, build_session
from qa_service.wire.lines import encode_json
from qa_service.wire.structs import CONTENTS
from tests.fakes import turn
from tests.wire.contract import SCHEMAS, problems
from tests.wire.test_typed import DOCUMENT, FRAMES, LINK, METADATA, decoded, typed


def as_sent(value: object) -> Any:
    return msgspec.json.decode(encode_json(value))


@pytest.mark.parametrize("frame", [*FRAMES, StageNotice("thinking"), Reference(3, "document", title="Base")])
def test_every_frame_is_as_declared(frame: Frame) -> None:
    assert problems("TypedFrame", decoded(typed().batch(7, [frame]))) == []


def test_what_has_no_number_is_as_declared_too() -> None:
    assert problems("TypedFrame", decoded(typed().heartbeat())) == []
    assert problems("TypedFrame", decoded(typed().reconnect("draining", 500))) == []


def test_an_answer_is_as_declared() -> None:
    kept = turn("a1", text="Blue [1].", status="completed", references=(DOCUMENT, LINK), metadata=METADATA)
    assert problems("AnswerObject", as_sent(build_answer(kept, "/api"))) == []


def test_a_conversation_is_as_declared() -> None:
    file = StoredFile("f1", "sky.pdf", "pdf", "used", 1)
    page = SessionPage("s", "Sky", "2026", "2026", (), (turn("a1"),), (file,), None)
    assert problems("SessionObject", as_sent(build_session(page, "/api"))) == []


def test_a_field_of_another_type_is_noticed() -> None:
    sent = decoded(typed().batch(7, [FRAMES[0]]))
    assert problems("TypedFrame", {**sent, "seq": "7"})


def test_a_field_that_is_not_declared_is_noticed() -> None:
    sent = decoded(typed().batch(7, [FRAMES[0]]))
    assert problems("TypedFrame", {**sent, "content": {**sent["content"], "mood": "good"}})


def test_what_is_declared_leads_to_nothing_that_is_not() -> None:
    written = msgspec.json.encode(SCHEMAS).decode()
    assert set(re.findall(r"#/\$defs/([A-Za-z]+)", written)) <= set(SCHEMAS)


@pytest.mark.parametrize("kind", CONTENTS, ids=lambda kind: kind.__name__)
def test_a_frame_has_no_value_that_its_content_may_not_have(kind: type[Frame]) -> None:
    inside, outside = get_type_hints(kind), get_type_hints(CONTENTS[kind])
    shared = inside.keys() & outside.keys() - {"files"}  # a verdict has a declaration of its own
    assert {name: outside[name] for name in shared} == {name: inside[name] for name in shared}


def test_every_declaration_says_what_it_is() -> None:
    own = [name for name in SCHEMAS if name.endswith(("Frame", "Content", "Object")) and name != "TypedFrame"]
    assert own
    assert all(SCHEMAS[name].get("description") for name in own)
