"""From the finished answer back to its sources: numbers, annotations and addresses become references.

A document's quote is taken from the very passage its number points at, so it stands on the page it names.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from qa_service.frames import Reference
from qa_service.language.sentences import sentences
from qa_service.language.stems import JOSA
from qa_service.language.tokens import words
from qa_service.model import Annotation, Passage

# A number behind a single letter is an index; behind a longer word models write citations too.
MARKER = re.compile(r"(?<!\b[A-Za-z_])(?<![_\]])((?:\[\d{1,3}(?:\s*,\s*\d{1,3})*\])+)(?!\()")
CODE = re.compile(r"```.*?(?:```|\Z)|``[^\n]*?``|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\((https?://[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)\)")
_OPEN = r"[^\s<>\"'`\[\]()*…。，、！？：；（）“”‘’「」『』《》〈〉]"
BARE = re.compile(rf"https?://{_OPEN}+(?:\([^\s()<>]*\){_OPEN}*)*")
TRAILING = ".,;:!?~"
# The particle of the sentence around an address; Hangul that is a word of the path, as in /wiki/서울, stays.
PARTICLE = re.compile(rf"(?<=[A-Za-z0-9/=_)-]){JOSA}$")
QUOTE = 300
SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n")


class Placed(Struct, frozen=True):
    """An annotation and where in the answer's text it came."""

    at: int
    annotation: Annotation


class _Mention(Struct, frozen=True):
    at: int
    key: str
    n: int = 0
    annotation: Annotation | None = None


def references(
    text: str, passages: Sequence[Passage], annotations: Iterable[Placed], session_id: str
) -> tuple[Reference, ...]:
    """The sources of an answer, each once, in order of first citation.

    A document keeps the number printed in the text; everything else takes the next free ones. A document's
    `url` is relative to the prefix of whoever reads it.
    """
    prose = CODE.sub(lambda code: " " * len(code[0]), text) if "`" in text else text
    numbered = {passage.n: passage for passage in passages}
    titles = {placed.annotation.url: placed.annotation.title for placed in annotations if placed.annotation.title}
    mentions = [*_numbers(prose, numbered), *_links(prose, titles), *_annotated(annotations)]
    first: dict[str, _Mention] = {}
    for mention in sorted(mentions, key=lambda mention: mention.at):
        first.setdefault(mention.key, mention)
    free = iter(range(max((m.n for m in first.values()), default=0) + 1, 10**6))
    return tuple(
        _document(numbered[m.n], _citing(prose, m.at), session_id) if m.n else _source(m, next(free))
        for m in first.values()
    )


def _numbers(prose: str, numbered: dict[int, Passage]) -> Iterable[_Mention]:
    for marker in MARKER.finditer(prose) if numbered else ():
        for number in re.finditer(r"\d+", marker[0]):
            n = int(number[0])
            if n in numbered:
                yield _Mention(marker.start() + number.start(), f"n{n}", n)


def _links(prose: str, titles: dict[str, str]) -> Iterable[_Mention]:
    if "://" not in prose:
        return
    for link in LINK.finditer(prose):
        yield _url_mention(link.start(), link[2], titles.get(link[2]) or link[1])
    for bare in BARE.finditer(LINK.sub(lambda link: " " * len(link[0]), prose)):
        url = PARTICLE.sub("", bare[0].rstrip(TRAILING))
        yield _url_mention(bare.start(), url, titles.get(url, ""))


def _url_mention(at: int, url: str, title: str) -> _Mention:
    return _Mention(at, url, annotation=Annotation("url", title=title, url=url))


def _annotated(annotations: Iterable[Placed]) -> Iterable[_Mention]:
    for placed in annotations:
        note = placed.annotation
        if key := note.url or f"{note.document_id}{note.file}":
            yield _Mention(placed.at, key, annotation=note)


def _source(mention: _Mention, n: int) -> Reference:
    note = mention.annotation
    assert note is not None  # noqa: S101 - only a numbered mention has none
    if note.kind == "url":
        return Reference(n, "url", title=note.title or _host(note.url), url=note.url)
    return Reference(
        n,
        "document",
        title=note.title or note.file,
        document_id=note.document_id or None,
        file=note.file or None,
        page=note.page or None,
        quote=note.quote or None,
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # what a model writes need not be an address
        return url


def _document(passage: Passage, citing: str, session_id: str) -> Reference:
    return Reference(
        passage.n,
        "document",
        title=passage.file,
        url=f"sessions/{session_id}/files/{passage.file_id}/pages/{passage.page}",
        document_id=passage.file_id,
        file=passage.file,
        page=passage.page if passage.paged else None,
        section=passage.section or None,
        quote=_quote(passage.text, citing),
    )


def _citing(prose: str, at: int) -> str:
    """The sentence a marker closes, without any marker."""
    before = prose[:at].rstrip("[ ")
    start = max((match.end() for match in SENTENCE_END.finditer(before.rstrip(".!?。！？ "))), default=0)
    return MARKER.sub(" ", before[start:])


def _quote(passage: str, citing: str) -> str:
    """The sentence of the passage that says most of what the citing sentence says, verbatim."""
    wanted = set(words(citing))
    stripped = [sentence.strip() for sentence in sentences(passage) if sentence.strip()]
    best = max(stripped, key=lambda sentence: _overlap(wanted, sentence), default=passage.strip())
    return best[:QUOTE].rstrip()


def _overlap(wanted: set[str], sentence: str) -> float:
    said = set(words(sentence))
    return len(wanted & said) / (len(said) + 5) if said else 0.0
