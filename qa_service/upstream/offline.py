"""This module answers without a model: it quotes those whole sentences of the files that fit the question."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise

from msgspec import Struct
from msgspec.structs import replace

from qa_service.deltas import Delta, Finished, TextDelta
from qa_service.errors import Cancelled
from qa_service.interfaces import Stop
from qa_service.language.file_names import drop_file_names, find_named_files
from qa_service.language.sentences import language_of
from qa_service.language.summaries import asks_for_summary
from qa_service.markers import loosen_markers
from qa_service.model import Language, Passage, Prompt, Usage
from qa_service.upstream.asked_words import AskedWords, HeldWords, hold_words, read_asked_words, weigh_question
from qa_service.upstream.quotable import LONGEST_OFFLINE_QUOTE, QuotableSentence, list_sentences

_MODEL = "offline"
_MOST = 5
"""At most this many sentences are quoted."""
_MOST_OF_FIRST = 3
"""This many of the quoted sentences are from the passage that the answer begins with, or more where no other passage
has any."""
_MOST_NAMES = 10
_OPENING = 2
"""This many sentences from the beginning of each file are quoted where a summary is asked for."""
_LATER = 0.08
"""The passages come best first. The answer begins with a later one only where a sentence of it has this much more of
the question's words, as a share of them, for each place that the passage is behind."""
_AHEAD = 0.3
"""How far the best sentence is ahead of those of other passages also decides whether the files answer the question, and
counts for this much. Where all sentences have the same words of the question, these are only the subject of the whole
file."""
_DEMAND = 0.34
"""The files answer a question where the best sentence and its passage have, on the average, this share of its words.
Each word is weighted by its rarity."""
_LONG = 8
"""A question of more words than this has more words that no text repeats, so a smaller share of them is demanded."""
_USUALLY_NEAR = 0.3
"""The passage that the answer begins with usually has a meaning that is this near to the question's."""
_NEAR = 0.3
"""A passage in another language than the question's answers it if its meaning is at least this near to the
question's."""
_WORTH = 0.4
"""A sentence of the first passage is quoted beside its best one when it has this share of the best one's words."""
_ELSEWHERE = 0.7
"""A sentence of another passage is quoted when it has this share of what the best sentence of all has."""
_FIRST_FOUND = 0.4
"""A sentence of the passage that was found first needs only this share, if the answer begins with another one."""
_UNDER = 0.6
"""A word that stands in a sentence's heading, and not in the sentence itself, counts for this part of a word."""
_BESIDE = 0.2
"""A sentence gets this share of what the sentences beside it have, because an answer may stand behind the words of its
question."""
_AMOUNT = 0.3
"""What a sentence with a number has of the question counts for this much more where an amount or a time is asked
for."""
_ASKS_AMOUNT = re.compile(
    r"\bwhen\b|\bhow (?:many|much|long|old|far|often|large|high|tall)\b"
    r"|\b(?:what|which) (?:year|date|day|month|decade|century|percent|percentage|number|time|age)\b"
    r"|몇|언제|얼마|며칠|연도|날짜|비율|나이|인구",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")

_SAID: dict[str, dict[Language, str]] = {
    "quotes": {
        "ko": "연결된 AI 모델이 없어, 파일에서 질문과 관련된 문장을 그대로 보여 드려요.",
        "en": "No AI model is configured, so these are sentences quoted from the files.",
    },
    "opening": {
        "ko": "연결된 AI 모델이 없어 요약할 수 없으므로, 파일의 첫머리를 그대로 보여 드려요.",
        "en": "No AI model is configured to summarize, so these are the opening sentences of each file.",
    },
    "silent": {
        "ko": "연결된 AI 모델이 없어 파일에서 문장만 찾아보았고, 이 질문에 답하는 내용은 파일에 없어요.",
        "en": "No AI model is configured. The files were searched for sentences, and nothing in them answers this.",
    },
    "unknown": {
        "ko": "연결된 AI 모델이 없어 문서에서 문장만 찾아보았고, 이 질문에 답하는 내용은 문서에 없어요.",
        "en": "No AI model is configured. The documents were searched for sentences, and nothing in them answers this.",
    },
    "unreadable": {
        "ko": "연결된 AI 모델이 없어 파일의 문장만 인용할 수 있는데, 이 질문에 인용할 글이 올린 파일에 없어요: {files}",
        "en": "No AI model is configured, so only sentences from files can be quoted, and these files have no text "
        "that can be quoted for this question: {files}",
    },
    "no_files": {
        "ko": "연결된 AI 모델도 인용할 파일 내용도 없어요. 파일을 올리면 관련된 문장을 찾아 보여 드려요.",
        "en": "No AI model is configured and there is no text from files to quote, so this can't be answered.",
    },
}

_NOT_SEARCHED: dict[Language, str] = {
    "ko": " 다음 쪽은 스캔이거나 손상되어 찾아보지 못했어요: {pages}",
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
    yield Finished("stop", model=_MODEL, usage=Usage())


def _write_answer(prompt: Prompt) -> Iterator[str]:
    said, quoted = _choose_quotes(prompt)
    yield _SAID[said][prompt.language].format(files=_name_files(prompt.files))
    if not quoted and prompt.unread_pages:
        yield _NOT_SEARCHED[prompt.language].format(pages="; ".join(prompt.unread_pages))
    for number, sentence in enumerate(quoted):
        yield "\n" if number else "\n\n"
        yield f"- “{loosen_markers(_shortened(sentence.text))}” "
        yield f"[{sentence.passage.n}]"


class _Weighed(Struct, frozen=True):
    sentence: QuotableSentence
    share: float
    """This is the share of the question's words that the sentence and its heading have."""
    has_amount: bool = False
    """This says whether the question asks for an amount or a time, and the sentence has a number."""


def _choose_quotes(prompt: Prompt) -> tuple[str, list[QuotableSentence]]:
    if not prompt.passages:
        unknown = "unknown" if prompt.is_knowledge_searched else "no_files"
        return "unreadable" if prompt.files else unknown, []
    earlier = _find_earlier_question(prompt)
    if asks_for_summary(prompt.question) or not (read_asked_words(prompt.question) or read_asked_words(earlier)):
        return "opening", _opening_sentences(prompt.passages)
    return _find_quotes(_keep_named(prompt), earlier)


def _keep_named(prompt: Prompt) -> Prompt:
    """Keep the passages of those files alone that the question names, and the question without their names."""
    named = find_named_files(prompt.question, (passage.file for passage in prompt.passages))
    if not named:
        return prompt
    passages = tuple(passage for passage in prompt.passages if passage.file in named)
    return replace(prompt, passages=passages, question=drop_file_names(prompt.question, named))


def _find_quotes(prompt: Prompt, earlier: str) -> tuple[str, list[QuotableSentence]]:
    texts = [_hold_passage(passage) for passage in prompt.passages]
    sentences = list_sentences(prompt.passages)
    # The question before may help to find what is asked for, but nothing of it is demanded.
    for before in dict.fromkeys((earlier, "")):
        asked = weigh_question(prompt.question, before, texts)
        weighed = _weigh_sentences(asked, sentences)
        lead = _choose_lead(weighed) if weighed else None
        if lead and (_is_answered(asked, lead, weighed) or _is_near(prompt)):
            scored = _score_sentences(weighed, prompt.question)
            return "quotes", _choose_sentences(scored, lead.sentence.passage.n, asked)
    return "silent", []


def _hold_passage(passage: Passage) -> HeldWords:
    return hold_words(f"{passage.section}\n{passage.text}")


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


def _weigh_sentences(asked: AskedWords, sentences: Sequence[QuotableSentence]) -> list[_Weighed]:
    return [_Weighed(one, asked.measure_share(one.held, one.heading, _UNDER)) for one in sentences]


def _choose_lead(weighed: Sequence[_Weighed]) -> _Weighed:
    """Choose the sentence in whose passage the answer begins."""
    return max(weighed, key=lambda one: one.share - _LATER * one.sentence.passage.n)


def _is_answered(asked: AskedWords, lead: _Weighed, weighed: Sequence[_Weighed]) -> bool:
    passage = lead.sentence.passage
    share = asked.measure_share(_hold_passage(passage))
    nearness = passage.nearness - _USUALLY_NEAR if passage.nearness else 0.0
    ahead = lead.share - max((one.share for one in weighed if one.sentence.passage is not passage), default=0.0)
    return (lead.share + share + nearness + _AHEAD * ahead) / 2 >= _measure_demand(asked)


def _score_sentences(weighed: Sequence[_Weighed], question: str) -> list[_Weighed]:
    """Give each sentence more for its numbers, if the question asks for some, and for what stands beside it."""
    amount = _AMOUNT if _ASKS_AMOUNT.search(question) else 0.0
    scored: list[_Weighed] = []
    for place, one in enumerate(weighed):
        around = (*weighed[max(0, place - 1) : place], *weighed[place + 1 : place + 2])
        beside = max((other.share for other in around if other.sentence.passage is one.sentence.passage), default=0.0)
        has_amount = bool(amount and _DIGIT.search(one.sentence.text))
        share = one.share + _BESIDE * beside + one.share * amount * has_amount
        scored.append(replace(one, share=share, has_amount=has_amount))
    return scored


def _choose_sentences(scored: Sequence[_Weighed], first: int, asked: AskedWords) -> list[QuotableSentence]:
    """Choose the sentences of the passage with the number `first`, best first, and the best of the others behind them,
    in the order of the passages."""
    best = max(one.share for one in scored)
    own = sorted((one for one in scored if one.sentence.passage.n == first), key=lambda one: -one.share)
    begun = [one for one in own if one.share >= own[0].share * _WORTH and _adds_to(own[0], one, asked)]
    others = [one for one in scored if one.sentence.passage.n != first and one.share >= best * _demand_beside(one) > 0]
    chosen: dict[str, QuotableSentence] = {}
    for one in (*begun[:_MOST_OF_FIRST], *others, *begun[_MOST_OF_FIRST:]):
        chosen.setdefault(one.sentence.text, one.sentence)
    return list(chosen.values())[:_MOST]


def _adds_to(best: _Weighed, one: _Weighed, asked: AskedWords) -> bool:
    """Tell whether a sentence is worth quoting beside the best one of its passage. A sentence under the heading
    "Warranty and returns" may be about only one of the two, so the heading's words alone aren't enough."""
    if one.has_amount and not best.has_amount:
        return True
    return asked.measure_share(one.sentence.held) > 0 or asked.measure_share(best.sentence.held) == 0


def _demand_beside(one: _Weighed) -> float:
    return _FIRST_FOUND if one.sentence.passage.n == 1 else _ELSEWHERE


def _opening_sentences(passages: Sequence[Passage]) -> list[QuotableSentence]:
    files = list(dict.fromkeys(passage.file_id for passage in passages))
    ordered = sorted(passages, key=lambda passage: (files.index(passage.file_id), passage.page))
    by_file = groupby(list_sentences(ordered), key=lambda sentence: sentence.passage.file_id)
    return [sentence for _, of_file in by_file for sentence in list(of_file)[:_OPENING]]


def _name_files(names: Sequence[str]) -> str:
    shown = [loosen_markers(name) for name in names[:_MOST_NAMES]]
    return ", ".join(shown) + (" …" if len(names) > _MOST_NAMES else "")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_OFFLINE_QUOTE else text[:LONGEST_OFFLINE_QUOTE].rsplit(None, 1)[0] + "…"
