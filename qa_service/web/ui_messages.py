"""This module reads what a chat page of the AI SDK sends to `POST chat`, and writes it as other clients do.

A page sends the whole conversation with every question, and keeps its files in the messages as data URLs. It names its
answers by the ids that we gave them. So its list tells which of them a question replaces: when an answer is written
again, or when an earlier question was changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

from msgspec import Raw, Struct, field

from qa_service.fields import decode_list, decode_value, read_flag, read_word
from qa_service.model import Rewind
from qa_service.web.attachments import Attachment, SentMessage, list_attachments, write_plain_messages
from qa_service.web.formats import choose_format
from qa_service.wire.formats import DATA_STREAM, JSON, TEXT, UI_MESSAGE, WireFormat

PAGES_FIELDS = ("id", "messageId", "messages", "trigger")
"""These fields of a page's request are read here, and aren't fields of a question."""
_EXPECTED = "messages of the AI SDK, or a list of {role, content}"


class UiAttachment(Struct, frozen=True):
    """A `UiAttachment` is a file as the AI SDK 4 sends it, beside the parts of its message."""

    url: str = ""
    name: str | None = None


class UiMessage(SentMessage, frozen=True):
    """A `UiMessage` is a message as a page keeps it."""

    id: str | int | None = None
    attachments: list[UiAttachment] = field(name="experimental_attachments", default_factory=list)


class ChatPage(Struct, frozen=True):
    """A `ChatPage` is what a page sent: the messages of its chat, and what it wants of the last question in them."""

    messages: Sequence[UiMessage]
    is_whole: bool
    """This says whether these are all messages of the chat. Some pages send the last one alone."""
    trigger: str
    message_id: str
    chat_id: str

    @property
    def asked(self) -> int:
        """Return the place of the question, or the number of messages where none is a person's."""
        places = (place for place, message in enumerate(self.messages) if message.role == "user")
        return max(places, default=len(self.messages))

    @property
    def has_parts(self) -> bool:
        """Tell whether the messages are of the AI SDK. Those of other clients have no parts beside their content."""
        return any(message.parts or message.attachments for message in self.messages)

    def attachments(self) -> list[Attachment]:
        """List the files in what the person said. Raises `InvalidField` for a part that isn't read."""
        beside = [
            Attachment(place, each.name or "file", each.url)
            for place, message in enumerate(self.messages)
            for each in message.attachments
        ]
        return list_attachments(self.messages, "messages") + beside

    def rewind(self) -> Rewind | None:
        """Return which answers the question replaces. The result is None for a new question.

        A page that names a message together with a question has put that question into the message's place.
        """
        regenerates = self.trigger == "regenerate-message"
        if not (regenerates or (self.trigger == "submit-message" and self.message_id)):
            return None
        before = self.messages[: self.asked]
        return Rewind(
            self.message_id,
            kept=tuple(str(message.id) for message in before if message.role == "assistant"),
            is_first=self.is_whole and not before and bool(self.message_id),
            repeated=self._question() if regenerates else "",
        )

    def plain_fields(self, fields: Mapping[str, Any], session_id: str) -> dict[str, Any]:
        """Return the fields of the question as other clients send them. `session_id` is the session of the chat, unless
        a field names one. It may be empty."""
        plain = {
            name: value for name, value in fields.items() if name not in PAGES_FIELDS and not _is_page(name, value)
        }
        if self.messages:
            plain["messages"] = write_plain_messages(self.messages)
        return {"sessionId": session_id, **plain} if session_id else plain

    def _question(self) -> str:
        return normalize("NFC", self.messages[self.asked].text.strip()) if self.asked < len(self.messages) else ""


def read_chat_page(fields: Mapping[str, Any]) -> ChatPage:
    """Read what a page sent. Raises `InvalidField`."""
    alone = fields.get("message")
    is_alone = _is_page("message", alone)
    if is_alone:
        messages = [decode_value(alone, UiMessage, "message", _EXPECTED)]
    else:
        messages = decode_list(fields.get("messages", []), list[UiMessage], "messages", _EXPECTED)
    return ChatPage(
        messages,
        is_whole=not is_alone,
        trigger=read_word(fields, "trigger"),
        message_id=read_word(fields, "messageId"),
        chat_id=read_word(fields, "id"),
    )


def choose_chat_format(fields: Mapping[str, Any], page: ChatPage) -> WireFormat:
    """Choose the format by the field `format`, or else by which client sends such messages. Raises `InvalidField`."""
    if "format" in fields or not page.messages:
        return choose_format(fields, "")
    if not read_flag(fields, "stream", default=True):
        return JSON
    # A message that comes alone has its text twice if it is of version 4.
    is_version_4 = page.has_parts and (page.is_whole or page.messages[0].content is not None)
    if page.trigger or (page.has_parts and not is_version_4):
        return UI_MESSAGE
    return DATA_STREAM if page.has_parts or page.chat_id else TEXT


def _is_page(name: str, value: object) -> bool:
    """Tell whether a field is a message, and not the text that other clients send under the same name."""
    return name == "message" and isinstance(value, Raw)
