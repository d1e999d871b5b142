"""This module answers without a model: it quotes those whole sentences of the files that fit the question."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise

from msgspec import Struct

from qa_service.errors import Cancelled
from qa_service.interfaces import Stop
from qa_service.language.sentences import split_sentences
from qa_service.language.tokens import list_tokens, list_words
from qa_service.markers import loosen_markers
from qa_service.model import Delta, Finished, Language, Passage, Prompt, TextDelta, Usage

MODEL = "offline"
_MOST = 5
"""At most so many sentences are quoted."""
_MOST_NAMES = 10
_MOST_WORDS = 50
"""At most so many different words of a question are looked for. Each is compared with every sentence, and the 8,000
words that a question can have would keep a worker from everything else for seconds."""
_OPENING = 2
"""So many sentences from the beginning of each file are quoted where a summary is asked for."""
_LONGEST = 400
"""A quote has at most so many characters. Text without sentence ends, such as a table, is quoted by lines, or cut."""
_COVERED = 0.4
"""A passage counts as an answer when it holds this share of the question's words, each weighted by its rarity."""
_WORTH = 0.5
"""A sentence is quoted beside the best one when it has this share of the best one's score."""
_UNDER = 0.6
"""A word that stands in a sentence's heading, and not in the sentence itself, counts for this part of a word."""
_HEADING = re.compile(r"[^.!?。！？:：\d\n]{1,40}")
# A line that is as short as this one didn't end because it was full, so another paragraph begins behind it. The rest of
# a line says nothing of that.
_OVER = re.compile(r"\A(\s*+[^.!?。！？:：\d\n]{1,24})\n(?=[^a-z\s])")
_SAME_WORD = 0.5
"""A Korean word of the question is taken to stand in a text that has this part of the word's syllable pairs, because
compounds are written together or apart."""

# This finds questions that ask for a summary by that name, or for what a file as a whole is about.
_SUMMARY = re.compile(
    r"요약(?:해|하|을|좀|\W|$)|간추려|줄거리|(?:주요|핵심|전체) ?내용"
    r"|(?:파일|문서|자료|첨부|pdf)들?(?:에는|에|은|는|이|가|의)? ?(?:어떤|무슨|뭐|뭔|무엇)"
    r"|summar|overview|tl;?dr|main (?:points?|ideas?)"
    r"|what(?:'s| is| are| does)? (?:in )?(?:this|these|the) (?:\w+ )?(?:files?|documents?|pdfs?)(?: about| say)?\W*$",
    re.IGNORECASE,
)

# The last word of a Korean question (내나요, 가능한가요, 되죠) only makes it a question, so it isn't looked for.
_PREDICATE = re.compile(
    r"(?:(?<=\s)\S+ 수 (?:있|없)\S*+|(?<=\s)\S*(?:[나까가]요|니까|[해어아지려돼]요|[나까죠해야줘려돼]|는가|인가))\W*+$"
)
# These words ask for an amount or a time. A sentence that answers them has the amount in their place.
_ASKING = frozenset(
    ["며칠", "몇일", "얼마", "얼마나", "언제", "안", "안에", "동안", "정도", "나가", "들어", "되", "돼", "걸리", "걸려"]
)

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


class _Sentence(Struct, frozen=True):
    text: str
    passage: Passage
    place: int
    """This is the sentence's number among all sentences, in reading order."""
    tokens: frozenset[str]
    heading: frozenset[str]
    """These are the tokens of the heading that the sentence stands under."""


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
    for number, sentence in enumerate(quoted):
        yield "\n" if number else "\n\n"
        yield f"- “{loosen_markers(_shortened(sentence.text))}” "
        yield f"[{sentence.passage.n}]"


def _choose_quotes(prompt: Prompt) -> tuple[str, list[_Sentence]]:
    if not prompt.passages:
        return "unreadable" if prompt.files else "no_files", []
    if _SUMMARY.search(prompt.question) or not list_words(prompt.question):
        return "opening", _opening_sentences(prompt.passages)
    found = _best_sentences(prompt.question, _quotable_sentences(prompt.passages))
    return ("quotes", found) if found else ("silent", [])


def _name_files(names: Sequence[str]) -> str:
    shown = [loosen_markers(name) for name in names[:_MOST_NAMES]]
    return ", ".join(shown) + (" …" if len(names) > _MOST_NAMES else "")


def _quotable_sentences(passages: Sequence[Passage]) -> list[_Sentence]:
    """Find the sentences that can be quoted. A heading isn't quoted, but it tells what the sentences under it are
    about."""
    found: list[_Sentence] = []
    for passage in _in_reading_order(passages):
        heading, own = frozenset(list_tokens(passage.section)), len(found)
        for text in _split_quotable(passage.text):
            held = frozenset(list_tokens(text))
            if text == passage.section or _HEADING.fullmatch(text):
                heading = held
            else:
                found.append(_Sentence(text, passage, len(found), held, heading))
        if len(found) == own and heading:
            found.append(_Sentence(passage.text.strip(), passage, own, heading, heading))
    return found


def _in_reading_order(passages: Sequence[Passage]) -> list[Passage]:
    files = list(dict.fromkeys(passage.file_id for passage in passages))
    return sorted(passages, key=lambda passage: (files.index(passage.file_id), passage.page))


def _split_quotable(text: str) -> Iterator[str]:
    begins_line = True
    for sentence in split_sentences(text):
        lines = [sentence]
        if len(sentence) > _LONGEST:
            lines = sentence.splitlines()
        elif begins_line:
            lines = _OVER.sub("\\1\0", sentence, 1).split("\0")
        yield from (line.strip() for line in lines if line.strip())
        begins_line = "\n" in sentence[len(sentence.rstrip()) :]


def _opening_sentences(passages: Sequence[Passage]) -> list[_Sentence]:
    by_file = groupby(_quotable_sentences(passages), key=lambda sentence: sentence.passage.file_id)
    return [sentence for _, of_file in by_file for sentence in list(of_file)[:_OPENING]]


def _best_sentences(question: str, candidates: Sequence[_Sentence]) -> list[_Sentence]:
    """Find the best sentences, best first, and in reading order where they are equally good. There are none where no
    passage answers the question."""
    asked = [word for word in dict.fromkeys(list_words(_PREDICATE.sub("", question))) if word not in _ASKING]
    asked = asked or list(dict.fromkeys(list_words(question)))
    weights = {word: _word_weight(word, candidates) for word in asked[:_MOST_WORDS]}
    answering = {
        number for number, held in _tokens_by_passage(candidates).items() if _covered_share(weights, held) >= _COVERED
    }
    scores = {
        sentence.place: sum(weight * _place_factor(sentence, word) for word, weight in weights.items())
        for sentence in candidates
        if sentence.passage.n in answering
    }
    best = max(scores.values(), default=0.0)
    worthy = [candidates[place] for place, score in scores.items() if score and score >= best * _WORTH]
    return sorted(worthy, key=lambda sentence: (-scores[sentence.place], sentence.place))[:_MOST]


def _place_factor(sentence: _Sentence, word: str) -> float:
    return 1.0 if _holds_word(sentence.tokens, word) else _UNDER if _holds_word(sentence.heading, word) else 0.0


def _tokens_by_passage(candidates: Sequence[_Sentence]) -> dict[int, frozenset[str]]:
    held: dict[int, frozenset[str]] = {}
    for sentence in candidates:
        held[sentence.passage.n] = held.get(sentence.passage.n, frozenset()) | sentence.tokens | sentence.heading
    return held


def _covered_share(weights: dict[str, float], held: frozenset[str]) -> float:
    return sum(weight for word, weight in weights.items() if _holds_word(held, word)) / sum(weights.values())


def _word_weight(word: str, candidates: Sequence[_Sentence]) -> float:
    """Compute how much a word says about what is asked. It is more for a rare word, and most where no sentence has the
    word."""
    holding = sum(_holds_word(sentence.tokens, word) for sentence in candidates)
    return math.log(1 + (len(candidates) + 0.5) / (holding + 0.5))


def _holds_word(held: frozenset[str], word: str) -> bool:
    if word in held or not "가" <= word[0] <= "힣":
        return word in held
    pairs = {first + second for first, second in pairwise(word)}
    return len(pairs) > 1 and len(pairs & held) >= len(pairs) * _SAME_WORD


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(None, 1)[0] + "…"
