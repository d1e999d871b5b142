"""This module rewrites the source of an RTF, so that striprtf gives the text as word processors show it.

striprtf leaves out notes, comments, text boxes, headers and footers, and shows what is hidden or deleted. Here notes,
comments and boxes move behind their paragraph, headers and footers behind the text, and what nobody sees is taken out.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from qa_service.files.raised import lower_digits, raise_digits

_TOKEN = re.compile(
    r"(?P<brace>[{}])|\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'[0-9a-fA-F]{2}|\\[^a-zA-Z]"
    r"|(?P<text>[^\\{}\r\n]+)|(?P<end>[\r\n]+)|\\",
    re.DOTALL,
)
_CONCERNED = re.compile(
    r"\\(?:v|deleted|super|sub|up|dn|footnote|annotation|shptxt|header[lrf]?|footer[lrf]?)(?![a-z])"
)
_ATTACHED = frozenset({"footnote", "annotation", "shptxt"})
_MARGINS = frozenset({"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"})
_LETTERS = frozenset(
    {"u", "tab", "line", "emdash", "endash", "emspace", "enspace", "qmspace", "bullet"}
    | {"lquote", "rquote", "ldblquote", "rdblquote"}
)
"""These words are characters."""
_HIDING: Mapping[str, str] = {"v": "is_hidden", "deleted": "is_deleted"}
_MOST_SKIPPED = 4
_SHIFTS: Mapping[str, Callable[[str], str]] = {
    "super": raise_digits,
    "up": raise_digits,
    "sub": lower_digits,
    "dn": lower_digits,
}


class _Look(Struct, frozen=True):
    """A `_Look` says how the text of a group looks. An inner group begins with the look of the outer one."""

    is_hidden: bool = False
    is_deleted: bool = False
    shift: str = ""
    is_cell: bool = False
    unicode_skip: int = 1
    """This many signs behind a Unicode character stand there for old programs."""


class _Place(Struct):
    """A `_Place` is where tokens are written: the text itself, or a group that moves elsewhere. `depth` is that of its
    group."""

    depth: int
    kind: str = ""
    tokens: list[str] = []


def rewrite_source(source: str) -> str:
    """Rewrite the source of an RTF. It stays as it is where it has nothing that striprtf doesn't know."""
    return _Rewriting().rewrite(source) if _CONCERNED.search(source) else source


class _Rewriting:
    """A `_Rewriting` goes through the tokens of one file."""

    def __init__(self) -> None:
        self._look = _Look()
        self._looks: list[_Look] = []
        self._places = [_Place(0)]
        self._waiting: list[str] = []
        self._margins: dict[str, None] = {}
        self._skip = 0
        self._end: int | None = None
        """Before the token with this number the document ends. What follows isn't read."""

    def rewrite(self, source: str) -> str:
        for token in _list_tokens(source):
            if token["brace"]:
                self._turn(token[0])
            elif token["word"]:
                self._take_word(token)
            elif token["end"]:
                # The end of a line may end a word, and says nothing else.
                self._write(token[0])
            else:
                self._take_text(token)
        while len(self._places) > 1:
            self._close_place()
        tokens = self._places[0].tokens
        end = len(tokens) if self._end is None else self._end
        moved = [*_move([*self._waiting, *self._margins])]
        return "".join([*tokens[:end], *(["\\par "] if moved else []), *moved, *tokens[end:]])

    def _turn(self, brace: str) -> None:
        self._skip = 0
        if brace == "{":
            self._looks.append(self._look)
            self._write(brace)
            return
        if len(self._places) > 1 and self._places[-1].depth == len(self._looks):
            self._close_place()
        if self._looks:
            self._look = self._looks.pop()
        if not self._looks and self._end is None:
            self._end = len(self._places[0].tokens)
        self._write(brace)

    def _take_word(self, token: re.Match[str]) -> None:
        word, self._skip = token["word"], 0
        if word in _ATTACHED or word in _MARGINS:
            self._places.append(_Place(len(self._looks), word))
            self._look = _Look(unicode_skip=self._look.unicode_skip)
            return
        self._look = _change_look(self._look, word, token["number"] or "")
        if word == "u":
            self._skip = self._look.unicode_skip
        if word != "bin" and not (word in _LETTERS and self._is_unseen):
            self._write(token[0])
        if word == "par" and not self._look.is_cell and len(self._places) == 1 and self._waiting:
            self._places[0].tokens += _move(self._waiting)
            self._waiting = []

    def _take_text(self, token: re.Match[str]) -> None:
        text = token["text"]
        if self._is_unseen:
            return
        if text is None or self._look.shift not in _SHIFTS or self._skip:
            self._skip = max(0, self._skip - len(text or " "))
            self._write(token[0])
        else:
            shown, rest = _SHIFTS[self._look.shift](text), "?" * self._look.unicode_skip
            self._write(text if shown == text else "".join(f"\\u{ord(sign)}{rest}" for sign in shown))

    @property
    def _is_unseen(self) -> bool:
        return self._look.is_hidden or self._look.is_deleted

    def _write(self, token: str) -> None:
        self._places[-1].tokens.append(token)

    def _close_place(self) -> None:
        place = self._places.pop()
        content = "".join(place.tokens)
        if place.kind in _MARGINS:
            self._margins[content] = None
        else:
            self._waiting.append(content)


def _move(contents: list[str]) -> Iterator[str]:
    for content in contents:
        yield f"{{\\pard\\plain {content}\\par}}"


def _list_tokens(source: str) -> Iterator[re.Match[str]]:
    place = 0
    while token := _TOKEN.match(source, place):
        yield token
        place = token.end()
        if token["word"] == "bin":
            # The bytes of a picture follow, as many as the number says. They are left out with the word.
            place += max(0, int(token["number"] or 0))


def _change_look(look: _Look, word: str, number: str) -> _Look:
    if word == "uc":
        return replace(look, unicode_skip=min(int(number), _MOST_SKIPPED) if number.isdecimal() else 1)
    if word in _SHIFTS or word == "nosupersub":
        return replace(look, shift=word if number != "0" else "")
    if word in ("pard", "intbl"):
        return replace(look, is_cell=word == "intbl")
    if word == "plain":
        return replace(look, is_hidden=False, is_deleted=False, shift="")
    return replace(look, **{_HIDING[word]: number != "0"}) if word in _HIDING else look
