"""This module reads an earlier conversation in the caller's own words, as the field `messages` holds it.

Every shape that chat pages and SDKs keep a conversation in is read: `content` as text or as parts, `parts` beside it,
and the items of OpenAI's Responses. Text is all that is taken from them. What isn't a person's or the model's (the
instructions of `system` and `developer`, the results of tools) is left out, because only the site gives instructions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.errors import InvalidField, TooLarge
from qa_service.fields import clean_field_text, decode_list
from qa_service.model import Message
from qa_service.pause import LongWork

MOST_MESSAGES = 400
"""This many messages of an earlier conversation are read. One that has more is refused."""
TEXT_TYPES = ("text", "input_text", "output_text")
_EXPECTED = "a JSON list of {role, content} or {role, parts}, role being user or assistant"
PAGES_OWN = "data-"
"""A chat page keeps parts for itself whose types begin with this; they are passed over."""
TOOL_ITEM = re.compile(r"[a-z_]{0,40}_call(?:_output)?|mcp_[a-z_]{1,40}|reasoning|item_reference")
"""Items of these types in OpenAI's Responses hold nobody's words: they are calls of tools and their results, what the
model thought, and references to other items."""

_Role: TypeAlias = Literal["user", "assistant", "system", "developer", "tool", "function"]


class _Part(Struct, frozen=True):
    type: str = "text"
    text: str | None = None


class _Item(Struct, frozen=True):
    type: str = ""
    role: _Role | None = None
    content: str | list[str | _Part] | None = None
    parts: list[_Part] = []


def read_messages(fields: Mapping[str, Any], most: int) -> tuple[Message, ...]:
    """Read what the person and the model said. Each text is trimmed and has at most `most` characters; it may be
    empty."""
    items = decode_list(fields.get("messages", []), list[_Item], "messages", _EXPECTED)
    if len(items) > MOST_MESSAGES:
        raise InvalidField(f"messages: there are {len(items)}, at most {MOST_MESSAGES} are read", field="messages")
    return tuple(_said(items, most))


def split_question(messages: Sequence[Message]) -> tuple[str, tuple[Message, ...]]:
    """Return the last thing that the person said, which is the question, and what was said before it. Empty messages
    tell a model nothing, and some models refuse them, so they are left out."""
    asked = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
    if asked is None:
        return "", ()
    return messages[asked].text, with_words(messages[:asked])


def with_words(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Keep those messages that aren't empty."""
    return tuple(message for message in messages if message.text)


def _said(items: Sequence[_Item], most: int) -> Iterator[Message]:
    work = LongWork()
    for item in items:
        if item.role is None and not TOOL_ITEM.fullmatch(item.type):
            raise InvalidField("messages: expected a role in each message, such as user", field="messages")
        if item.role in ("user", "assistant"):
            text = clean_field_text(_text(item), "messages", most, too_long=TooLarge)
            yield Message(item.role, text)
            work.end_step()


def _text(item: _Item) -> str:
    if isinstance(item.content, str) and (item.content or not item.parts):
        return item.content
    return "".join(_texts(item.role, item.content or item.parts))


def _texts(role: _Role | None, parts: Sequence[str | _Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif part.type in TEXT_TYPES:
            yield part.text or ""
        elif role == "user" and not part.type.startswith(PAGES_OWN):
            raise InvalidField(
                f"messages: a user's part of type {part.type[:50]!r} isn't read, only text is; send files as `files`",
                field="messages",
            )
