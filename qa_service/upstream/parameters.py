"""This module finds the parameters that a model's server refuses by name, so that the same can be asked without them.

Servers of one protocol differ in the parameters that they know, and a deployment's own name doesn't tell which model
is behind it. So a request is sent as it should be; what the server refuses is left out, at once and from then on.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias

import openai

from qa_service.errors import ContextLength, UnknownModel, UpstreamError, UpstreamRejected

ParameterPath: TypeAlias = tuple[str, ...]
"""These keys lead to a parameter, such as `("stream_options", "include_obfuscation")`."""

_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_NO_PICTURES = (*_REFUSALS, HTTPStatus.NOT_FOUND, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
# A refusal with one of these words is about the parameter itself. Any other refusal is about the parameter's value.
_OF_THE_PARAMETER = re.compile(
    r"unsupported|not[ _]support|unknown|unrecogni[sz]ed|unexpected|extra|deprecated|not[ _](?:permitted|allowed)",
    re.IGNORECASE,
)
# Servers say this in many ways: "image_url is only supported by certain models", "not a multimodal model", "At most 0
# image(s) may be provided", "unknown variant `image_url`", "No endpoints found that support image input".
_SEEING = r"(?:image(?![_ ]gen)|picture|vision|multi-?modal)"
_DENIES = r"(?:\b(?:not|no|at most 0|missing|unknown|unsupported)\b|n't\b)"
_OF_PICTURES = re.compile(
    rf"{_DENIES}(?:(?!{_DENIES}).){{0,60}}?{_SEEING}"
    rf"|{_SEEING}(?:(?!{_SEEING}).){{0,60}}?(?:\b(?:not|only|unsupported|disabled)\b|n't\b)",
    re.IGNORECASE,
)
# These are OpenAI's models without eyes. Any other model is shown pictures until its server refuses them.
_BLIND = re.compile(
    r"(?:ft:)?(?:gpt-3\.5|gpt-4(?:-32k)?(?:-\d{4}(?:-preview)?)?(?::|$)|gpt-4-1106|o1-mini|o1-preview|o3-mini)"
)
_TOO_SMALL = re.compile(r"below_min")
# "This model's maximum context length is 4096 tokens. However, you requested 4108 tokens (12 in the messages, 4096 in
# the completion)." Other servers say it in other words, but with the same two numbers.
_WINDOW = re.compile(r"context length is (?:only )?(\d{1,9}) tokens")
_PROMPT = re.compile(
    r"(\d{1,9}) (?:in (?:the|your) (?:messages|prompt)|of text input|input tokens|tokens from the input)"
)
_ANY = object()
# Reasoning models refuse temperature and top_p, and their chat variants don't. Where a reasoning model has a name that
# its site chose, upstream refuses these parameters once, and `RefusedParameters` remembers it.
_REASONING = re.compile(r"(?:ft:)?(?:o\d|gpt-5(?!.*-chat)|codex-)")

_MENTION = re.compile(r"\w++")
_POINTERS = ("'", '"', "`", ".", ": ")


def is_reasoning(model: str) -> bool:
    """Tell whether the name is one of OpenAI's reasoning models, which refuse some parameters of other models."""
    return _REASONING.match(model) is not None


class RefusedParameters:
    """A `RefusedParameters` remembers what one model refuses. All threads use it.

    It has one entry for each parameter: the value that was refused last, or a sign that stands for any value. So there
    are never more entries than requests have parameters. `pictures` says whether pictures are refused.
    """

    def __init__(self, *, pictures: bool = False) -> None:
        self.pictures = pictures
        self._values: dict[ParameterPath, object] = {}

    def note_blindness(self, error: UpstreamError) -> bool:
        """Remember it if this error refuses pictures. Return whether it does, and whether that is news."""
        is_news = not self.pictures and refuses_pictures(error)
        self.pictures = self.pictures or is_news
        return is_news

    def note_refusal(self, path: ParameterPath, parameters: Mapping[str, object], error: UpstreamError) -> bool:
        """Remember what this error refuses. Return whether that is news."""
        value = _ANY if _OF_THE_PARAMETER.search(_words(error)) else _value_at(parameters, path)
        known, self._values[path] = self._values.get(path), value
        return known is not value and known != value

    def find_refused(self, parameters: Mapping[str, object]) -> list[ParameterPath]:
        """Find those of these parameters that are known to be refused with the values that they have."""
        return [path for path, value in list(self._values.items()) if value in (_ANY, _value_at(parameters, path))]

    def leave_out(
        self, parameters: Mapping[str, object], left_out: Iterable[ParameterPath], limits: Sequence[str]
    ) -> Mapping[str, object]:
        """Copy the parameters without those that are refused, and without those at the paths `left_out`.

        `limits` are names of one parameter, for servers that know only one of them. Where the name that it has is
        unknown, it gets the first one that isn't known to be unknown."""
        renamed = self._rename_limit(parameters, limits)
        return omit_parameters(renamed, [*self.find_refused(renamed), *left_out])

    def _rename_limit(self, parameters: Mapping[str, object], limits: Sequence[str]) -> Mapping[str, object]:
        named = next((name for name in limits if name in parameters), None)
        if named is None or self._values.get((named,)) is not _ANY:
            return parameters
        known = next((name for name in limits if self._values.get((name,)) is not _ANY), named)
        return {known if name == named else name: value for name, value in parameters.items()}


def named_parameter(
    error: UpstreamError, parameters: Mapping[str, object], essential: Collection[str]
) -> ParameterPath:
    """Find the parameter that upstream refuses by name. The path is empty where upstream refuses something else, or
    names none of these parameters.

    An essential parameter counts only where it stands in the error's own field for a name. A sentence about a model, or
    about its input, doesn't refuse the parameters `model` and `input`.
    """
    cause = error.__cause__
    refuses = isinstance(error, UpstreamRejected) and not isinstance(error, UnknownModel)
    if not refuses or not isinstance(cause, openai.APIStatusError) or cause.status_code not in _REFUSALS:
        return ()
    named = _find_path(cause.param, parameters) if isinstance(cause.param, str) else ()
    # Some servers name the parameter only in a sentence, others in a list of what is wrong, and others together with
    # the object in which it stands.
    return named or _first_mentioned(_words(error), parameters.keys() - essential)


def is_blind_name(model: str) -> bool:
    """Tell whether this is the name of a model that is known to see no pictures."""
    return _BLIND.match(model) is not None


def refuses_pictures(error: UpstreamError) -> bool:
    """Tell whether upstream refuses a request because the model takes no pictures."""
    cause = error.__cause__
    is_refusal = isinstance(cause, openai.APIStatusError) and cause.status_code in _NO_PICTURES
    return is_refusal and _OF_PICTURES.search(_words(error)) is not None


def blames_limit(error: UpstreamError) -> bool:
    """Tell whether the prompt is too long only together with the longest answer that was asked for."""
    words = _words(error) if isinstance(error, ContextLength) else ""
    window, prompt = _WINDOW.search(words), _PROMPT.search(words)
    return window is not None and prompt is not None and int(prompt[1]) < int(window[1])


def wants_more(error: UpstreamError) -> bool:
    """Tell whether upstream refuses a number because it is too small."""
    return _TOO_SMALL.search(_words(error)) is not None


def omit_parameters(parameters: Mapping[str, object], paths: Iterable[ParameterPath]) -> Mapping[str, object]:
    """Copy the parameters without those at the paths. An object that becomes empty by that is left out, too."""
    for path in paths:
        parameters = _omit_one(parameters, path)
    return parameters


def _omit_one(parameters: Mapping[str, object], path: ParameterPath) -> Mapping[str, object]:
    key, rest = path[0], path[1:]
    inner = parameters.get(key)
    others = {name: value for name, value in parameters.items() if name != key}
    if not rest or not isinstance(inner, Mapping):
        return others
    kept = _omit_one(inner, rest)
    return {**others, key: kept} if kept else others


def _find_path(name: str, parameters: Mapping[str, object]) -> ParameterPath:
    """Find the path for a name as servers write it: `a`, `a.b`, or `a[0].b`, which leads to the whole list `a`. The
    path is empty where there is no such parameter."""
    path: ParameterPath = tuple(name.partition("[")[0].split("."))
    return path if _value_at(parameters, path) is not None else ()


def _value_at(parameters: Mapping[str, object], path: ParameterPath) -> object:
    value: object = parameters
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _first_mentioned(words: str, names: Collection[str]) -> ParameterPath:
    """Find the first parameter that upstream mentions. A name that may be an ordinary word, such as `store`, counts
    only behind a quotation mark, a dot or a colon."""
    for mention in _MENTION.finditer(words):
        name, before = mention[0], words[max(0, mention.start() - 2) : mention.start()]
        if name in names and ("_" in name or before.endswith(_POINTERS)):
            return (name,)
    return ()


def _words(error: UpstreamError) -> str:
    """Return all that upstream says of its error. It may hold keys, so it is searched and never shown."""
    cause = error.__cause__
    return str(cause.body) if isinstance(cause, openai.APIError) else ""
