"""This module finds the sentences of an answer that nothing supports: no source is cited for them, and no passage of
the prompt says what they say.

Words are compared, so a sentence in another language than the passages counts as supported only where it cites one. A
sentence that says nothing about the subject, such as a question or a heading, needs no support.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from qa_service.citing import SEARCHED_OF_ANSWER
from qa_service.frames import Reference, TextSpan
from qa_service.language.tokens import list_tokens, list_words
from qa_service.markers import blank_code
from qa_service.model import Passage
from qa_service.pause import LongWork
from qa_service.quoting import Claims

LEAST_WORDS = 3
"""A sentence with fewer content words claims nothing that could be looked up."""
HELD = 0.6
"""A passage supports a sentence when it has this share of the sentence's tokens, and all its numbers."""
MOST_TOLD_SENTENCES = 100
"""At most this many sentences are told."""
MOST_SENTENCES = 2_000
"""This many sentences are looked at, from the beginning of the answer."""
_NUMBER = re.compile(r"\d")
# These are questions, what introduces a list, courtesies, and sentences that say that something isn't known.
_NO_CLAIM = re.compile(
    r"[?？:：][\s*_\"'”’)]{0,9}$|(?:[까나]요|습니까)[.?]?\s{0,9}$"
    r"|(?:말씀해|문의해|물어봐|참고해) ?주(?:세요|시기)|(?:감사|죄송)(?:합니다|드립니다)|도움이 되(?:었|시)|바랍니다"
    r"|\b(?:let me know|feel free|happy to help|hope (?:this|that) helps|thank you|sorry|you(?:'re| are) welcome)\b"
    r"|(?:문서|자료|파일|내용|단락|정보)\S{0,9}\s.{0,60}?(?:없|않|못|모르)"
    r"|\b(?:not|n't|no)\b.{0,60}?\b(?:say|said|mention|contain|state|found|find|information|answer|know|specif)"
    r"|\b(?:document|file|passage|reference)s?\b.{0,40}?(?:n['’]t|\bnot\b|\bno\b)",
    re.IGNORECASE | re.DOTALL,
)


def find_unsupported(text: str, references: Sequence[Reference], passages: Sequence[Passage]) -> tuple[TextSpan, ...]:
    """Find the places of those sentences in the text. There are none where the prompt has no passages, since then the
    answer was to come from elsewhere."""
    if not passages:
        return ()
    cited = sorted((cite.start, cite.end) for source in references for cite in source.cites)
    found = _find_unsupported(text[:SEARCHED_OF_ANSWER], cited, list(_list_held(passages)))
    return tuple(islice(found, MOST_TOLD_SENTENCES))


def _list_held(passages: Sequence[Passage]) -> Iterator[frozenset[str]]:
    work = LongWork()
    for passage in passages:
        yield frozenset(list_tokens(f"{passage.section} {passage.text}"))
        work.end_step()


def _find_unsupported(
    text: str, cited: Sequence[tuple[int, int]], held: Sequence[frozenset[str]]
) -> Iterator[TextSpan]:
    prose, work = blank_code(text), LongWork()
    for start, end in islice(Claims(text, prose).list_sentences(), MOST_SENTENCES):
        work.end_step()
        is_cited = any(begin < end and start < until for begin, until in cited)
        is_heading = "#" in prose[prose.rfind("\n", 0, start) + 1 : start]
        if not is_cited and not is_heading and _is_claim(prose[start:end]) and not _is_held(prose[start:end], held):
            yield TextSpan(start, end)


def _is_claim(sentence: str) -> bool:
    return len(list_words(sentence)) >= LEAST_WORDS and not _NO_CLAIM.search(sentence)


def _is_held(sentence: str, held: Sequence[frozenset[str]]) -> bool:
    """Tell whether one of the passages, each given by its tokens, has what the sentence says."""
    tokens = frozenset(list_tokens(sentence))
    numbers = {token for token in tokens if _NUMBER.search(token)}
    return any(numbers <= passage and len(tokens & passage) >= HELD * len(tokens) for passage in held)
