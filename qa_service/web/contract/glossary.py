"""This module says what each field of an object means. The same name means the same everywhere, unless it stands here
with its object's name before it."""

from collections.abc import Mapping
from typing import Any

from qa_service.web.contract.operations import JsonSchema

PATH_PARTS: Mapping[str, tuple[JsonSchema, str]] = {
    "answerId": ({"type": "string"}, "The answer's id, as `start` or the header `X-Answer-Id` gave it."),
    "sessionId": ({"type": "string"}, "The conversation's id."),
    "fileId": ({"type": "string"}, "The file's id."),
    "page": ({"type": "integer", "minimum": 1, "maximum": 10**6}, "The page, counted from 1."),
    "part": ({"type": "string", "enum": ["reference.js", "reference.css"]}, "The file's name."),
}
"""The parts of paths."""

HEADERS: Mapping[str, tuple[JsonSchema, str]] = {
    "X-Session-Id": ({"type": "string"}, "The conversation that the answer belongs to."),
    "X-Answer-Id": ({"type": "string"}, "The answer. With this id it can be followed, read and stopped."),
    "Retry-After": ({"type": "string", "pattern": "^[0-9]+$"}, "After so many seconds, trying again may help."),
    "Cache-Control": ({"type": "string"}, "Nobody stores the answer, and nobody changes it on its way."),
    "X-Accel-Buffering": ({"type": "string"}, "It keeps nginx from holding the stream up."),
}
"""The headers of responses."""

FIELDS: Mapping[str, str] = {
    "answerId": "The answer's id.",
    "attempt": "How often the model has been asked.",
    "backoff": "After so many milliseconds the reader may come back.",
    "backoffMs": "After so many milliseconds the reader may come back.",
    "bodyBytes": "The most bytes of a whole request.",
    "cached": "Those of the input that upstream had in its cache.",
    "caller": "How the service knows who asks.",
    "calls": "Every request to a model that the question caused.",
    "code": "The code of the error, for programs.",
    "comment": "Why, in the person's own words.",
    "content": "What the frame brings.",
    "TextFrame.content": "A piece of the answer's text.",
    "EventsText.content": "A piece of the answer's text.",
    "cost": "What it cost, in the currency of the server's prices, or null where they aren't set.",
    "created": "Whether the conversation begins with this question.",
    "createdAt": "When it began (RFC 3339, in UTC).",
    "current": "The page that was read last.",
    "detail": "What was wrong and what was expected, for operators.",
    "documentId": "The id of the file or the document that is cited.",
    "done": "The answer is over, and the connection may be closed.",
    "drifted": "Whether a new topic began with this question.",
    "error": "Why the answer failed. It is left out where it didn't.",
    "estimated": "Whether the numbers are our estimate, because upstream never said them.",
    "expiresAt": "When the token ends (RFC 3339, in UTC).",
    "feedback": "What the person who asked thinks of the answer. It is left out where they said nothing.",
    "field": "The field that was wrong.",
    "file": "The file's name.",
    "fileBytes": "The most bytes of one file.",
    "fileId": "The file's id.",
    "files": "One verdict for each file of the question.",
    "LimitsObject.files": "The most files of one question.",
    "ReadinessObject.files": "How well the reading of files is confined on this machine.",
    "SessionObject.files": "The files that the conversation is answered from.",
    "finishReason": "Why the answer ended.",
    "firstTokenMs": "The milliseconds until the first text, or null where none came.",
    "imageResults": "Pictures that belong to the answer.",
    "index": "The number of the topic, counted from 1.",
    "input": "The tokens of the prompt.",
    "interval": "After so many seconds the next heartbeat comes at the latest.",
    "items": "The entries of the list.",
    "kind": "The kind of the file, such as `pdf`.",
    "CallerObject.kind": "`site` is a host site's login, `user` a server's key or a token, `key` a personal key.",
    "ReferenceContent.kind": "Whether it is an address or a document.",
    "kinds": "The kinds of files that are read.",
    "limits": "The limits of a question.",
    "message": "What was wrong and what was expected, for operators.",
    "metadata": "The facts about the answer, or null while it is being written.",
    "model": "The model that answered.",
    "ConfigObject.model": "The model that is asked if a question names none.",
    "StartContent.model": "The model that was asked for.",
    "EventsStart.model": "The model that was asked for.",
    "models": "All models that a question may name. A name may be a pattern such as `ft:*`.",
    "n": "The number by which the text cites the source.",
    "name": "The file's name.",
    "next": "The cursor of what follows, or null at the end.",
    "output": "The tokens of the answer.",
    "page": "The page, counted from 1.",
    "pages": "How many pages the file has.",
    "percentage": "How much of the file has been read, from 0 to 100.",
    "purpose": "What the model was asked for.",
    "query": "What is searched for.",
    "question": "The question.",
    "LimitsObject.question": "The most characters of a question.",
    "quote": "The sentence of the source that supports the answer.",
    "rating": "Whether the answer helped.",
    "reason": "Why.",
    "reasoning": "Those of the output that nobody sees, because the model thought with them.",
    "reconnect": "The reader is to come back.",
    "references": "The sources of the answer, in the order of their first citation.",
    "reopened": "Whether an earlier topic goes on.",
    "retryAfter": "After so many seconds, trying again may help.",
    "retry_after": "The same as `retryAfter`.",
    "retryable": "Whether trying again may help.",
    "saved": "Whether the answer was stored.",
    "score": "How sure it is that a new topic began, from 0 to 1.",
    "section": "The heading under which it stands.",
    "seq": "The frame's number. It grows, and never repeats.",
    "sessionId": "The conversation's id.",
    "stage": "What is being done.",
    "status": "How the answer ended, or `running`.",
    "FileObject.status": "What became of the file.",
    "HealthObject.status": "It is always `ok`.",
    "ProblemObject.status": "The HTTP status.",
    "ReadinessObject.status": "Whether questions are answered now.",
    "StatusContent.status": "What became of the file.",
    "VerdictContent.status": "What became of the file.",
    "store": "Which store there is, or what is wrong with it.",
    "stream_id": "The answer's id.",
    "text": "The text.",
    "timestamp": "When it was sent (RFC 3339, in UTC).",
    "timing": "How long it took.",
    "title": "The title.",
    "ProblemObject.title": "The name of the HTTP status.",
    "token": "The token.",
    "tokens": "How many tokens the file's text has.",
    "topic": "The topic of the question.",
    "FileObject.topic": "The number of the topic that it came with.",
    "topics": "The topics of the conversation.",
    "total": "All tokens.",
    "EventsProgress.total": "How many pages the file has.",
    "totalMs": "The milliseconds until the end.",
    "total_tokens": "All tokens that the answer took.",
    "turns": "How many questions were asked.",
    "SessionObject.turns": "The questions with their answers, newest first.",
    "type": "The type of the frame.",
    "ProblemObject.type": "The type of the problem (RFC 9457). It is always `about:blank`.",
    "updatedAt": "When the last question was asked (RFC 3339, in UTC).",
    "upstream": "What answers: `offline` where there is no model.",
    "url": "Where the source is found. A document's address is a path at this server.",
    "usage": "The numbers of tokens.",
    "userMessage": "A sentence for the person who asked, in their language.",
    "version": "The release of the service.",
    "videoResults": "Videos that belong to the answer.",
    "webSearch": "Whether a question may ask the model to search the web.",
}
"""The fields of objects and frames."""


def describe_fields(name: str, schema: JsonSchema) -> dict[str, Any]:
    """Return the schema of an object with a description of each of its fields."""
    if "properties" not in schema:
        return dict(schema)
    described = {field: _describe(name, field, inner) for field, inner in schema["properties"].items()}
    return {**schema, "properties": described}


def _describe(name: str, field: str, schema: JsonSchema) -> JsonSchema:
    found = FIELDS.get(f"{name}.{field}") or FIELDS.get(field)
    return {**schema, "description": found} if found and "description" not in schema else schema
