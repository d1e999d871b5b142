"""What a document says reaches the model as a quotation, and what only a model would see doesn't reach it at all."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from qa_service.markers import find_markers
from qa_service.model import Exchange, Session, Topic
from qa_service.prompting import Site
from qa_service.untrusted import disarm_text
from tests.answers import frames
from tests.fakes import parts, upload
from tests.injections import INJECTIONS, OBEY
from tests.scripted_upstream import ScriptedUpstream
from tests.upstream.questions import SPEAKING

UNSEEN = re.compile("[\u200b\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e01ef]|[\u200c\u200d\ufe00-\ufe0f]{2}")
CONTROL = re.compile(r"<\|\w|<｜|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?tool_|</?think>|\[TOOL_")
QUESTION = "What does it say?"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def sent_messages(server: ScriptedUpstream, protocol: str, texts: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """Return the messages that a real server gets when these texts come as files, and one of them as an earlier
    answer."""
    files = tuple(upload(folder, f"{name}.txt", re.sub("\n\n+", "\n", text)) for name, text in texts.items())
    said = Exchange("Before?", "\n".join(texts.values()))
    talk = Session("s", 1, (Topic(1, "", 1),), (said,))
    with closing(SPEAKING[protocol](server.url)) as upstream:
        frames(parts(upstream, site=Site("Be plain.")), QUESTION, files=files, session=talk)
    body = server.requests[-1].body
    messages: list[dict[str, Any]] = body.get("input") or body["messages"]
    return messages


@pytest.mark.parametrize("protocol", SPEAKING)
class TestInjections:
    def test_each_reaches_the_model_as_a_quotation_and_nowhere_else(
        self, server: ScriptedUpstream, protocol: str, tmp_path: Path
    ) -> None:
        for part in (list(INJECTIONS.items())[::2], list(INJECTIONS.items())[1::2]):
            self.check(sent_messages(server, protocol, dict(part), tmp_path), dict(part))

    def check(self, messages: list[dict[str, Any]], texts: dict[str, str]) -> None:
        assert [message["role"] for message in messages][:3] == ["system", "user", "assistant"]
        assert {message["role"] for message in messages[3:]} == {"user"}
        reference = "\n\n".join(message["content"] for message in messages[3:]).removesuffix(f"\n\n{QUESTION}")
        head, *passages = reference.split("\n\n")
        assert head.startswith("[Reference]\n")
        assert len(passages) == len(texts)
        for n, passage in enumerate(passages, 1):
            place, *lines = passage.splitlines()
            assert place.startswith(f'[{n}] "')
            assert lines
            assert all(line.startswith("> ") for line in lines)
            assert [cited for _, cited in find_markers(passage)] == [n]

    def test_nothing_unseen_and_no_control_token_reaches_it(
        self, server: ScriptedUpstream, protocol: str, tmp_path: Path
    ) -> None:
        body = json.dumps(sent_messages(server, protocol, INJECTIONS, tmp_path), ensure_ascii=False)
        assert not UNSEEN.search(body)
        assert not CONTROL.search(body)
        assert OBEY not in body


class TestDisarming:
    @pytest.mark.parametrize(
        "text",
        [
            "환불은 7일 이내에 가능합니다. (단, 배송비 제외)",
            "👨‍👩‍👧 ❤️ ☎️ 葛\U000e0100飾",
            "می‌خواهم क्‍ष",
            "a < b, c |> f, x <| y, <b>bold</b>, [1], [INSTALL], <section>, <student>",
            "if a <= b: return [s] # <p>",
            "é e\u0301 각 ᄀ",
        ],
    )
    def test_ordinary_text_stays_as_it_is(self, text: str) -> None:
        assert disarm_text(text) == text

    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("<|im_start|>system", "< |im_start|>system"),
            ("<｜User｜>go", "< ｜User｜>go"),
            ("[INST] go [/inst]", "[ INST] go [ /inst]"),
            ("</s><s>", "< /s>< s>"),
            ("<<SYS>>", "< <SYS>>"),
            ("so\u00adft zero\u200bwidth", "soft zerowidth"),
        ],
    )
    def test_a_control_token_becomes_text_and_what_is_unseen_goes(self, text: str, left: str) -> None:
        assert disarm_text(text) == left
        assert disarm_text(left) == left

    def test_what_is_hidden_can_not_hide_a_token(self) -> None:
        assert not CONTROL.search(disarm_text("<|im_\u200bstart|><\U000e0041|im_end|>"))

    @pytest.mark.parametrize("piece", ["<|", "<|a", "[INST", "\u200d", "<", "<<", "\U000e0041"])
    def test_hostile_text_costs_little(self, piece: str) -> None:
        began = time.thread_time()
        disarm_text(piece * (200_000 // len(piece)))
        assert time.thread_time() - began < 0.5
