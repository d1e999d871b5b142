"""Frames and marks in an entry, as this release, the one before and a later one read and write them."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Struct

from qa_service.deltas import Opened
from qa_service.frames import (
    Cite,
    Done,
    Frame,
    Image,
    Metadata,
    Reference,
    Restart,
    ShownPassage,
    ShownSource,
    StageNotice,
    Text,
    Timing,
    TopicNotice,
    UnknownFrame,
    VideoResult,
)
from qa_service.model import Usage, Value
from qa_service.stores import items as room
from qa_service.stores.items import FirstItem, decode_items, encode_items
from qa_service.turns import Asked, Mark, UnknownMark

NOTE = UnknownFrame("note", '{"type":"note","content":"새 소식","size":123456789012345678901234567890}'.encode())
SIGN = UnknownMark("sign", b'{"type":"sign","places":[1,2.50]}')
KEPT = Opened("r1", frames=2)
METADATA = Metadata(
    "chat",
    "a1",
    "mini",
    usage=Usage(),
    calls=(),
    cost=None,
    timing=Timing(None, 5),
    topic=TopicNotice(1, drifted=False, score=0.0),
    files=(),
    finish_reason="stop",
    saved=True,
)
FIRST_VERSION = msgspec.json.Decoder(list[FirstItem])
"""This says how a worker of version 1 reads the field `items`; it knows no other field."""


class Note(Value, frozen=True, tag_field="type", tag="note"):
    """A `Note` is a frame of a later release."""

    content: str


class Sign(Value, frozen=True, tag_field="type", tag="sign"):
    """A `Sign` is a mark of a later release."""

    places: tuple[float, ...]


def stored(*items: Frame | Mark) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in encode_items(items).items()}


def read(**fields: str) -> list[Frame | Mark]:
    return decode_items({name.encode(): value.encode() for name, value in fields.items()})


class TestFirstVersion:
    """A worker of the release before sees this."""

    def test_what_it_knows_is_written_as_it_wrote_it_itself(self) -> None:
        items = [Text("a"), StageNotice("thinking"), Opened("r1"), Done("completed")]
        assert encode_items(items) == {
            "items": b'["a",{"type":"status","stage":"thinking"},{"type":"opened","responseId":"r1"},'
            b'{"type":"done","status":"completed"}]'
        }

    @pytest.mark.parametrize("newer", [NOTE, SIGN, KEPT, UnknownFrame("", b"5"), UnknownMark("", b"null")], ids=str)
    def test_it_can_read_any_entry_and_every_frame_has_its_number(self, newer: Frame | Mark) -> None:
        frames = [item for item in (Text("a"), newer, Text("b")) if not isinstance(item, Mark)]
        seen = FIRST_VERSION.decode(encode_items([Text("a"), newer, Text("b")])["items"])
        assert len([item for item in seen if not isinstance(item, Mark)]) == len(frames)
        assert [item for item in seen if item in ("a", "b")] == ["a", "b"]

    def test_it_carries_a_picture_along_as_a_text_without_words(self) -> None:
        image = Image(0, partial=False, mime_type="image/png", url="answers/a/images/0?version=0")
        written = encode_items([Text("a"), image, Text("b")])
        assert FIRST_VERSION.decode(written["items"]) == ["a", "", "b"]
        assert decode_items({name.encode(): value for name, value in written.items()}) == [Text("a"), image, Text("b")]

    def test_it_sees_a_later_frame_as_a_text_without_words(self) -> None:
        assert FIRST_VERSION.decode(encode_items([Text("a"), NOTE])["items"]) == ["a", ""]

    def test_it_attaches_to_no_answer_whose_frames_it_would_make_otherwise(self) -> None:
        seen = FIRST_VERSION.decode(encode_items([Opened("r0"), Text("a"), KEPT])["items"])
        assert [item.response_id for item in seen if isinstance(item, Opened)][-1] == ""

    def test_it_reads_a_reference_and_metadata_without_the_fields_that_came_later(self) -> None:
        class Source(Value, frozen=True, tag_field="type", tag="reference"):
            n: int
            kind: str

        class Facts(Value, frozen=True, tag_field="type", tag="metadata"):
            image_results: tuple[Mapping[str, str], ...] = ()
            video_results: tuple[Mapping[str, str], ...] = ()

        video = VideoResult("kVo_wMJ9-3Q", "하늘", "https://a.example", thumbnail="", channel="")
        facts = msgspec.structs.replace(METADATA, video_results=(video,))
        written = encode_items([Reference(1, "url", cites=(Cite(0, 3, "하늘"),)), facts])["items"]
        source, found = msgspec.json.decode(written, type=list[Source | Facts])
        assert (source.n, source.kind) == (1, "url")
        assert found.video_results == (msgspec.to_builtins(video),)

    def test_it_reads_a_notice_without_the_sources_that_came_later(self) -> None:
        class Notice(Value, frozen=True, tag_field="type", tag="status"):
            stage: str

        shown = ShownSource("document", "a.txt", "sessions/s/files/f/pages", "f", (ShownPassage(1, 3),))
        notice = StageNotice("retrieving", sources=(shown,))
        written = encode_items([notice])
        assert msgspec.json.decode(written["items"], type=list[Notice]) == [Notice("retrieving")]
        assert decode_items(stored(notice)) == [notice]

    def test_no_stage_of_a_notice_may_be_added_since_it_knows_only_these(self) -> None:
        (first, *_) = (field for field in msgspec.structs.fields(StageNotice) if field.name == "stage")
        stages = {"reading_file", "file", "retrieving", "searching_web", "thinking", "generating_image", "retrying"}
        assert {*first.type.__args__} == stages

    def test_no_kind_may_be_added_to_what_it_knows(self) -> None:
        kinds = {kind.__struct_config__.tag for kind in FirstItem.__args__ if issubclass(kind, Struct)}
        assert kinds == {"start", "status", "reference", "metadata", "error", "restart", "done", "asked", "opened"}


class TestEarlier:
    """A worker of an earlier release wrote this."""

    def test_a_reference_without_places_has_none(self) -> None:
        (reference,) = read(items='[{"type":"reference","n":1,"kind":"url","title":"A","url":"https://a.example"}]')
        assert reference == Reference(1, "url", title="A", url="https://a.example")


class TestLater:
    """A worker of a later release wrote this."""

    @pytest.mark.parametrize(
        "items",
        [
            [NOTE],
            [Text("a"), NOTE, Text("b"), SIGN, NOTE],
            [SIGN, KEPT, Opened("r1"), Text("")],
            [UnknownFrame("", b"5"), UnknownMark("", b"[1]"), UnknownFrame("x", b'{"type":"x", "a":\t[ ]}')],
        ],
        ids=str,
    )
    def test_what_is_unknown_comes_back_byte_for_byte_in_its_place(self, items: list[Frame | Mark]) -> None:
        assert decode_items(stored(*items)) == items
        assert stored(*decode_items(stored(*items))) == stored(*items)

    def test_a_kind_of_a_later_release_is_read_by_that_release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(room.LATER, "note", Note)
        monkeypatch.setitem(room.LATER, "sign", Sign)
        items: list[Frame | Mark] = [Text("a"), Note("새 소식"), Sign((1, 2.5)), Done("completed")]
        with pytest.MonkeyPatch.context() as later:
            later.setattr(room, "Mark", Mark | Sign)
            written = stored(*items)
            assert decode_items(written) == items
        monkeypatch.undo()
        kinds = [type(item) for item in decode_items(written)]
        assert kinds == [Text, UnknownFrame, UnknownMark, Done]

    def test_unknown_fields_of_a_known_kind_are_left_out(self) -> None:
        assert read(items='[{"type":"restart","reason":"model","more":1}]') == [Restart("model")]

    def test_a_value_that_is_unknown_is_kept_where_any_text_is_one(self) -> None:
        assert read(items='[{"type":"done","status":"paused"}]') == [Done("paused")]
        (reference,) = read(items='[{"type":"reference","n":1,"kind":"video"}]')
        assert isinstance(reference, Reference)
        assert reference.kind == "video"


class TestStrange:
    """Whatever stands there, an entry is read as far as it can be."""

    @pytest.mark.parametrize(
        ("strange", "kind"),
        [
            ('{"type":"note","content":1}', "note"),
            ('{"type":"status","stage":"dreaming"}', "status"),
            ('{"type":"done"}', "done"),
            ('{"type":7}', ""),
            ("{}", ""),
            ("5", ""),
            ("null", ""),
            ('["a"]', ""),
        ],
    )
    def test_an_item_in_the_midst_of_others_takes_its_number_and_nothing_else(self, strange: str, kind: str) -> None:
        assert read(items=f'["a",{strange},"나"]') == [
            Text("a"),
            UnknownFrame(kind, strange.encode()),
            Text("나"),
        ]

    @pytest.mark.parametrize("strange", ['{"type":"opened"}', '{"type":"asked","prompt":5}'])
    def test_what_has_the_name_of_a_mark_takes_no_number(self, strange: str) -> None:
        (mark,) = read(items=f"[{strange}]")
        assert isinstance(mark, UnknownMark)
        assert isinstance(mark, Mark)

    @pytest.mark.parametrize(
        "newer", ["", "[]", "{", '{"x":1}', '{"-1":{"type":"note"}}', '{"7":{"type":"note"}}'], ids=str
    )
    def test_a_field_that_makes_no_sense_leaves_the_stand_ins(self, newer: str) -> None:
        assert read(items='["a",""]', newer=newer) == [Text("a"), Text("")]

    def test_bytes_that_are_no_text_are_not_carried_along(self) -> None:
        fields: Mapping[bytes, bytes] = {b"items": b'["a",{"type":"x","y":"\xff"}]'}
        assert decode_items(fields) == [Text("a"), UnknownFrame("x", b"null")]
        msgspec.json.decode(encode_items(decode_items(fields))["newer"])

    @pytest.mark.parametrize("items", [b"", b"{", b"5", b"\xff", b'["a"', b"[" * 100_000], ids=lambda raw: raw[:8])
    def test_what_is_no_list_of_items_is_a_mistake(self, items: bytes) -> None:
        with pytest.raises((ValueError, RecursionError)):
            decode_items({b"items": items})


def test_a_mark_of_what_is_asked_comes_back_as_it_went() -> None:
    (asked,) = read(items='[{"type":"asked","prompt":{"model":"m","messages":[],"question":"q"},"verdicts":[]}]')
    assert isinstance(asked, Asked)
    assert decode_items(stored(asked)) == [asked]
