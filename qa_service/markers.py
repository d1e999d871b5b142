"""This module finds markers, which are the numbers in brackets by which an answer cites its sources, such as [2].

All who look for markers use one grammar: citing looks for them in an answer, prompting in earlier answers and in the
text of files, and the page in what it shows. The pattern stands in two places, here and in the page's
`web/static/markers.js`, and both are held to the same cases. Of a marker that isn't whole yet, the page's `inline.js`
knows how it begins.

- A marker is [2], [1, 3] or [1][3]; ［２］ and 【2】 count as well, and so do the commas ， and 、.
- Behind a single Latin letter, `_` or `]` the brackets are code or a link, as in a[1], row_[1] and [text][1]. Behind
  a longer word or a Korean one they are a marker.
- Behind a backslash they are plain text.
- Before a `(` they are the words of a link.
- [1-3], [ 1 ], [1.5] and [2026] are no markers, and nothing in a code span or a code block is.
"""

import re
from collections.abc import Iterator

_NUMBER = "[0-9０-９]{1,3}"
_NUMBERS = rf"{_NUMBER}(?: ?[,，、] ?{_NUMBER}){{0,9}}"
_WIDE = rf"［{_NUMBERS}］|【{_NUMBERS}】"
# The pattern begins with the brackets themselves, so that a search skips all other text: text without brackets takes a
# twentieth of the time. With re.ASCII, `\b` sees letters as JavaScript does, so that the page and the service agree.
MARKER = re.compile(
    rf"(?:\[(?<!\b[A-Za-z_]\[)(?<![_\]\\]\[){_NUMBERS}\]|{_WIDE})(?:\[{_NUMBERS}\]|{_WIDE})*(?!\()",
    re.ASCII,
)
_EACH = re.compile(_NUMBER)
_CODE = re.compile(r"```.*?(?:```|\Z)|``[^\n]*?``|`[^`\n]*`", re.DOTALL)
_BRACKETS = str.maketrans({"[": "[ ", "]": " ]", "［": "［ ", "］": " ］", "【": "【 ", "】": " 】"})


def blank_code(text: str) -> str:
    """Return the text with spaces in place of all code, so that everything else keeps its position."""
    return _CODE.sub(lambda code: " " * len(code[0]), text) if "`" in text else text


def find_markers(text: str) -> Iterator[tuple[int, int]]:
    """Find each number that the text cites, and give it as (position in the text, number)."""
    for marker in _match_markers(blank_code(text)):
        for number in _EACH.finditer(marker[0]):
            yield marker.start() + number.start(), int(number[0])


def remove_markers(text: str) -> str:
    """Return the text without its markers and the space before each. A text without markers is returned as it is."""
    if not _has_bracket(text):
        return text
    kept, at = list[str](), 0
    for marker in _match_markers(blank_code(text)):
        kept.append(text[at : marker.start()].removesuffix(" "))
        at = marker.end()
    rest = "".join([*kept, text[at:]]) if kept else text
    # What stood around a marker, as in [1[2]], may be a marker now.
    return loosen_markers(rest) if kept and any(find_markers(rest)) else rest


def loosen_markers(text: str) -> str:
    """Return the text with spaces inside the brackets of each marker, also in code: [2] becomes [ 2 ].

    The text reads the same, and code means the same, but it cites nothing.
    """
    return MARKER.sub(lambda marker: marker[0].translate(_BRACKETS), text)


def _match_markers(text: str) -> Iterator[re.Match[str]]:
    return MARKER.finditer(text) if _has_bracket(text) else iter(())


def _has_bracket(text: str) -> bool:
    """Tell whether a marker may be in the text. Most answers have no bracket at all, and looking for one takes a
    hundredth of the time that the pattern takes."""
    return "[" in text or "［" in text or "【" in text
