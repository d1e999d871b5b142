"""This module answers without a model: it quotes those whole sentences of the files that fit the question."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise

from msgspec import Struct

from qa_service.deltas import Delta, Finished, TextDelta
from qa_service.errors import Cancelled
from qa_service.interfaces import Stop
from qa_service.language.sentences import language_of
from qa_service.language.summaries import asks_for_summary
from qa_service.markers import loosen_markers
from qa_service.model import Language, Passage, Prompt, Usage
from qa_service.upstream.asked_words import AskedWords, hold_words, read_asked_words, weigh_question
from qa_service.upstream.quotable import LONGEST, QuotableSentence, list_sentences

MODEL = "offline"
_MOST = 5
"""At most so many sentences are quoted."""
_MOST_OF_FIRST = 3
"""So many of them are from the passage that the answer begins with, or more where no other passage has any."""
_MOST_NAMES = 10
_OPENING = 2
"""So many sentences from the beginning of each file are quoted where a summary is asked for."""
_LEADING = 3
"""The first so many passages decide whether the files answer the question."""
_BY_SENTENCE = 0.7
"""So much of that decision is what one sentence has of the question, and the rest what the first passage has of it."""
_DEMAND = 0.3
"""An answer takes so much of a question's words, each weighted by its rarity."""
_LONG = 8
"""A question of more words than these has more that no text repeats, so less of it is demanded."""
_BY_MEANING = 0.3
_USUALLY_NEAR = 0.3
"""The decision is changed by so much of the difference between how near the first passage is by meaning, and how near
one usually is."""
_NEAR = 0.3
"""A passage in another language than the question's answers it if it is so near to it by meaning."""
_WORTH = 0.4
"""A sentence of the first passage is quoted beside its best one when it has this share of the best one's words."""
_ELSEWHERE = 0.8
"""A sentence of another passage is quoted when it has this share of what the best sentence of all has."""
_TRUSTED = 0.4
"""The passages come best first. The first one isn't begun with only where its best sentence has less than this share of
what the best sentence of all has."""
_UNDER = 0.6
"""A word that stands in a sentence's heading, and not in the sentence itself, counts for this part of a word."""
_BESIDE = 0.2
"""A sentence gets this share of what the sentences beside it have, because an answer may stand behind the words of its
question."""
_AMOUNT = 0.15
"""A sentence with a number gets so much where an amount or a time is asked for."""
_ASKS_AMOUNT = re.compile(
    r"\bwhen\b|\bhow (?:many|much|long|old|far|often|large|high|tall)\b"
    r"|\b(?:what|which) (?:year|date|day|month|decade|century|percent|percentage|number|time|age)\b"
    r"|몇|언제|얼마|며칠|연도|날짜|비율|나이|인구",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")

_SAID: dict[str, dict[Language, str]] = {
    "quotes": {
        "ko": "연결된 AI 모델이 없어, 파일에서 질문과 관련된 문장을 그대로 인용합니다.",
        "en": "No AI model is configured, so these are sentences quoted from the files.",
    },
    "opening": {
        "ko": "연결된 AI 모델이 없어 요약할 수 없으므로, 파일의 첫머리를 그대로 인용합니다.",
        "en": "No AI model is configured to summarize, so these are the opening sentences of each file.",
    },
    "silent": {
        "ko": "연결된 AI 모델이 없어 파일에서 문장만 찾아보았으며, 이 질문에 답하는 내용은 파일에 없습니다.",
        "en": "No AI model is configured. The files were searched for sentences, and nothing in them answers this.",
    },
    "unknown": {
        "ko": "연결된 AI 모델이 없어 문서에서 문장만 찾아보았으며, 이 질문에 답하는 내용은 문서에 없습니다.",
        "en": "No AI model is configured. The documents were searched for sentences, and nothing in them answers this.",
    },
    "unreadable": {
        "ko": "연결된 AI 모델이 없어 파일의 문장만 인용하며, 이 질문에 인용할 글이 올린 파일에 없습니다: {files}",
        "en": "No AI model is configured, so only sentences from files can be quoted, and these files have no text "
        "that can be quoted for this question: {files}",
    },
    "no_files": {
        "ko": "연결된 AI 모델도 인용할 파일 내용도 없습니다. 파일을 올리면 관련된 문장을 찾아 인용합니다.",
        "en": "No AI model is configured and there is no text from files to quote, so this can't be answered.",
    },
}

_NOT_SEARCHED: dict[Language, str] = {
    "ko": " 다음 쪽은 스캔이거나 손상되어 찾아보지 못했습니다: {pages}",
    "en": " These pages couldn't be searched, because they are scans or damaged: {pages}",
}


class OfflineAnswerer:
    """An `OfflineAnswerer` is an `Upstream` that calls nobody and costs nothing, because it only quotes."""

    @contextmanager
    def open_answer(self, prompt: Prompt, stop: Stop) -> Iterator[Iterator[Delta]]:
        """Give an answer that quotes `prompt.passages` and nothing else. Every quote names its passage's number."""
        yield _deltas(prompt, stop)


def _deltas(prompt: Prompt, stop: Stop) -> Iterator[Delta]:
    for piece in _write_answer(prompt):
        if stop.is_set():
            raise Cancelled
        yield TextDelta(piece)
    yield Finished("stop", model=MODEL, usage=Usage())


def _write_answer(prompt: Prompt) -> Iterator[str]:
    said, quoted = _choose_quotes(prompt)
    yield _SAID[said][prompt.language].format(files=_name_files(prompt.files))
    if not quoted and prompt.unread_pages:
        yield _NOT_SEARCHED[prompt.language].format(pages="; ".join(prompt.unread_pages))
    for number, sentence in enumerate(quoted):
        yield "\n" if number else "\n\n"
        yield f"- “{loosen_markers(_shortened(sentence.text))}” "
        yield f"[{sentence.passage.n}]"


class _Scored(Struct, frozen=True):
    sentence: QuotableSentence
    score: float
    """This is the share of the question that the sentence has, with what it gets for its place and its numbers."""


def _choose_quotes(prompt: Prompt) -> tuple[str, list[QuotableSentence]]:
    if not prompt.passages:
        unknown = "unknown" if prompt.is_knowledge_searched else "no_files"
        return "unreadable" if prompt.files else unknown, []
    earlier = _find_earlier_question(prompt)
    if asks_for_summary(prompt.question) or not (read_asked_words(prompt.question) or read_asked_words(earlier)):
        return "opening", _opening_sentences(prompt.passages)
    texts = [hold_words(f"{passage.section}\n{passage.text}") for passage in prompt.passages]
    sentences = list_sentences(prompt.passages)
    # The question before may help to find what is asked for, but nothing of it is demanded.
    alone, asked = (weigh_question(prompt.question, before, texts) for before in ("", earlier))
    if not (_is_answered(asked, prompt, sentences) or _is_answered(alone, prompt, sentences) or _is_near(prompt)):
        return "silent", []
    shares = [asked.measure_share(one.held, one.heading, _UNDER) for one in sentences]
    return "quotes", _choose_sentences(_score_sentences(sentences, shares, prompt.question))


def _is_answered(asked: AskedWords, prompt: Prompt, sentences: Sequence[QuotableSentence]) -> bool:
    first = prompt.passages[0]
    leading = (one for one in sentences if one.passage.n <= _LEADING)
    best = max((asked.measure_share(one.held, one.heading, _UNDER) for one in leading), default=0.0)
    share = asked.measure_share(hold_words(f"{first.section}\n{first.text}"))
    meaning = _BY_MEANING * (first.nearness - _USUALLY_NEAR) if first.nearness else 0.0
    return _BY_SENTENCE * best + (1 - _BY_SENTENCE) * share + meaning >= _measure_demand(asked)


def _find_earlier_question(prompt: Prompt) -> str:
    """Return the last question before this one that was answered, or nothing."""
    answered = [one.text for one, after in pairwise(prompt.messages) if (one.role, after.role) == ("user", "assistant")]
    return answered[-1] if answered else ""


def _measure_demand(asked: AskedWords) -> float:
    return _DEMAND * min(1.0, math.sqrt(_LONG / max(1, len(asked.weights))))


def _is_near(prompt: Prompt) -> bool:
    """Tell whether the first passage answers by its meaning, since its language has none of the question's words."""
    first = prompt.passages[0]
    return first.nearness >= _NEAR and language_of(first.text) != language_of(prompt.question)


def _score_sentences(sentences: Sequence[QuotableSentence], shares: Sequence[float], question: str) -> list[_Scored]:
    amount = _AMOUNT if _ASKS_AMOUNT.search(question) else 0.0
    scored: list[_Scored] = []
    for place, (sentence, share) in enumerate(zip(sentences, shares, strict=True)):
        around = range(max(0, place - 1), min(len(sentences), place + 2))
        beside = max(
            (shares[n] for n in around if n != place and sentences[n].passage is sentence.passage), default=0.0
        )
        counted = amount if share and _DIGIT.search(sentence.text) else 0.0
        scored.append(_Scored(sentence, share + _BESIDE * beside + counted))
    return scored


def _choose_sentences(scored: Sequence[_Scored]) -> list[QuotableSentence]:
    """Choose the sentences of the passage that the answer begins with, best first, and the best of the others behind
    them, in the order of the passages."""
    best = max((one.score for one in scored), default=0.0)
    first = next((one.sentence.passage.n for one in scored if one.score >= best * _TRUSTED), 0)
    own = sorted((one for one in scored if one.sentence.passage.n == first), key=lambda one: -one.score)
    begun = [one for one in own if one.score >= own[0].score * _WORTH]
    others = [one for one in scored if one.sentence.passage.n != first and one.score >= best * _ELSEWHERE > 0]
    chosen: dict[str, QuotableSentence] = {}
    for one in (*begun[:_MOST_OF_FIRST], *others, *begun[_MOST_OF_FIRST:]):
        chosen.setdefault(one.sentence.text, one.sentence)
    return list(chosen.values())[:_MOST]


def _opening_sentences(passages: Sequence[Passage]) -> list[QuotableSentence]:
    files = list(dict.fromkeys(passage.file_id for passage in passages))
    ordered = sorted(passages, key=lambda passage: (files.index(passage.file_id), passage.page))
    by_file = groupby(list_sentences(ordered), key=lambda sentence: sentence.passage.file_id)
    return [sentence for _, of_file in by_file for sentence in list(of_file)[:_OPENING]]


def _name_files(names: Sequence[str]) -> str:
    shown = [loosen_markers(name) for name in names[:_MOST_NAMES]]
    return ", ".join(shown) + (" …" if len(names) > _MOST_NAMES else "")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(None, 1)[0] + "…"
