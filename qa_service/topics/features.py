"""This module computes features: named numbers that compare a question with the conversation before it.

In the names *old* words are those that the recent exchanges have too, and *new* words are the others. A question is
*tied* if it has a cue that refers to what was said (`TIES`). A conversation is *hopping* if its last question shared no
content word with what stood before it. A name with × is the product of two or three features.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log1p
from operator import add

from msgspec import Struct

from qa_service.language.cues import TIES, Announcement, find_cues, remove_announcement
from qa_service.language.excerpts import keep_ends
from qa_service.language.forms import LITTLE_WORDS, find_form_words
from qa_service.language.tokens import list_words
from qa_service.model import Exchange

RECENT_EXCHANGES = 4
"""This many of the latest exchanges are looked at."""
_QUESTION, _ANSWER, _EARLIER = 1000, 2000, 1000
"""At most this many characters of a question, of the last answer and of an earlier text are looked at. Half of them are
taken from the text's beginning, and half from its end."""

_MOST_STEMS = 64
_KEPT = 1024
"""The words of this many texts are remembered, since the texts of a conversation are compared with each of its
questions."""
_SEPARATORS = re.compile(r"\W+")
_ASCII_SEPARATORS = {code: " " for code in range(128) if _SEPARATORS.match(chr(code))}
_KNOWN = re.compile("[가-힣ぁ-ヿ㐀-鿿]")
_ENGLISH = re.compile(
    r"\b(?:the|an?|is|are|was|to|of|what|how|in|for|do|does|did|you|i|it|can|why|any|and|me|my|please)\b"
)
_NAME = re.compile(r"(?<=[\w,;] )[A-Z]\w+|[A-Z]{2,}\w*|\d+")
_ASKS = ("?", "？")
_QUOTES = ('"', "“", "'", "‘", "「", "『")
_HOLLOW = frozenset(list_words(" ".join(LITTLE_WORDS)))
_RARE, _RARE_HANGUL, _WHOLE, _ROOT = 6, 3, 3, 5
"""These are lengths of stems. A stem counts as rare from `_RARE` letters on, or from `_RARE_HANGUL` syllables. One of
at most `_WHOLE` letters is found only as a whole word. The first `_ROOT` letters of a stem are its root."""
_MANY_WORDS, _SHORT = 25, 12


class Overlap(Struct, frozen=True):
    """An `Overlap` has the stems of a question's content words, and says which of them the recent exchanges have too.

    `last_question` and `last_answer` are the stems that stand in the latest exchange, and `questions` and `answers` are
    those that stand in the earlier ones. `rare` are the stems that hardly stand in a text by chance, because they are
    long, numbers, Chinese or Japanese.
    """

    stems: frozenset[str]
    last_question: frozenset[str]
    last_answer: frozenset[str]
    questions: frozenset[str]
    answers: frozenset[str]
    rare: frozenset[str]
    roots: int
    """This many stems stand in the exchanges at least in part: with two syllables in a row of a Korean stem, or with
    the first letters of another one."""
    names_old: int
    """This many names and numbers of the question stand in the exchanges."""
    names_new: int
    """This many names and numbers of the question don't stand in the exchanges."""

    @property
    def asked(self) -> frozenset[str]:
        return self.last_question | self.questions

    @property
    def told(self) -> frozenset[str]:
        return self.last_answer | self.answers

    @property
    def old(self) -> frozenset[str]:
        return self.asked | self.told

    @property
    def new(self) -> frozenset[str]:
        return self.stems - self.old


def compute_features(question: str, context: Sequence[Exchange]) -> dict[str, float]:
    """Return the features by name. Most of them are between 0 and 4, and one that isn't in the result is 0.

    `context` must not be empty. The work is bounded, however long the texts are.
    """
    rest, announcement = remove_announcement(keep_ends(question.strip(), _QUESTION))
    recent = context[-RECENT_EXCHANGES:]
    shared = compare_words(rest, recent)
    numbers = {
        **_overlap_numbers(shared),
        **_novelty_numbers(shared, recent[-1].question),
        **_cue_numbers(rest, announcement),
        **_shape_numbers(rest, shared),
        **_context_numbers(rest, recent),
    }
    return numbers | _products(numbers) | {f"form {mark}": 1.0 for mark in find_form_words(rest)}


def is_unknown_language(question: str) -> bool:
    """Return whether the question seems to be in a language of which `cues` knows hardly any words."""
    if question.isascii():
        return not _ENGLISH.search(question.lower())
    return not _KNOWN.search(question)


def compare_words(question: str, recent: Sequence[Exchange]) -> Overlap:
    """Find which content words of the question stand in the recent exchanges, also as parts of longer words."""
    *earlier, last = recent
    last_question, last_answer = _flat(keep_ends(last.question, _QUESTION)), _flat(keep_ends(last.text, _ANSWER))
    questions = "".join(_flat(keep_ends(exchange.question, _EARLIER)) for exchange in earlier)
    answers = "".join(_flat(keep_ends(exchange.text, _EARLIER)) for exchange in earlier)
    needles = {stem: _needle(stem) for stem in _stems(question)[:_MOST_STEMS] if stem not in _HOLLOW}
    names = {f" {name.casefold()}" for name in _NAME.findall(question)}
    everything = last_question + last_answer + questions + answers
    old = sum(name in everything for name in names)
    return Overlap(
        stems=frozenset(needles),
        last_question=_found(needles, last_question),
        last_answer=_found(needles, last_answer),
        questions=_found(needles, questions),
        answers=_found(needles, answers),
        rare=frozenset(filter(_is_rare, needles)),
        roots=sum(_has_root(stem, everything) for stem in needles),
        names_old=old,
        names_new=len(names) - old,
    )


@lru_cache(_KEPT)
def _flat(text: str) -> str:
    """Return the words of the text as they are compared, in lower case and with a space before and after each."""
    if text.isascii():
        return f" {text.lower().translate(_ASCII_SEPARATORS)} "
    return f" {_SEPARATORS.sub(' ', text.casefold())} "


@lru_cache(_KEPT)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(list_words(text))


def _is_hangul(stem: str) -> bool:
    return "가" <= stem[:1] <= "힣"


def _is_cjk(stem: str) -> bool:
    return "ぁ" <= stem[:1] <= "ヿ" or "㐀" <= stem[:1] <= "鿿"


def _needle(stem: str) -> str:
    """Return the text that is searched for to find a stem. A stem of Hangul or CJK is also found inside of a word,
    another stem at the beginning of a word, and a short one only as a whole word."""
    if _is_hangul(stem):
        return stem if len(stem) > 1 else f" {stem}"
    if _is_cjk(stem):
        return stem
    return f" {stem}" if len(stem) > _WHOLE else f" {stem} "


def _found(needles: Mapping[str, str], text: str) -> frozenset[str]:
    return frozenset([stem for stem, needle in needles.items() if needle in text])


def _has_root(stem: str, text: str) -> bool:
    if _is_hangul(stem):
        return any(pair in text for pair in map(add, stem, stem[1:]))
    return f" {stem[:_ROOT]}" in text


def _is_rare(stem: str) -> bool:
    return _is_cjk(stem) or stem.isdigit() or len(stem) >= (_RARE_HANGUL if _is_hangul(stem) else _RARE)


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part) / max(len(whole), 1)


def _overlap_numbers(shared: Overlap) -> dict[str, float]:
    places = {
        "last question": shared.last_question,
        "last answer": shared.last_answer,
        "questions": shared.questions,
        "answers": shared.answers,
        "asked": shared.asked,
        "told": shared.told,
        "old": shared.old,
    }
    numbers: dict[str, float] = {}
    for place, found in places.items():
        numbers[f"share {place}"] = _share(found, shared.stems)
        numbers[f"count {place}"] = min(len(found), 4) / 2
        numbers[f"any {place}"] = bool(found)
    return numbers


def _novelty_numbers(shared: Overlap, last_question: str) -> dict[str, float]:
    asked_before = frozenset(_stems(keep_ends(last_question, _EARLIER)))
    old, new, rare = shared.old, shared.new, shared.rare
    return {
        "stems new": len(new),
        "new": log1p(len(new)),
        "share new": _share(new, shared.stems),
        "rare new": log1p(len(rare & new)),
        "rare old": log1p(len(rare & old)),
        "rare asked": log1p(len(rare & shared.asked)),
        "share rare old": _share(rare & old, rare),
        "names new": log1p(shared.names_new),
        "names old": log1p(shared.names_old),
        "repeats question": _share(asked_before & shared.stems, asked_before),
        "nothing shared": not old,
        "share roots": shared.roots / max(len(shared.stems), 1),
        "no roots": not shared.roots,
        "rootless": log1p(len(shared.stems) - shared.roots),
    }


def _cue_numbers(question: str, announcement: Announcement) -> dict[str, float]:
    found = find_cues(question)
    numbers: dict[str, float] = {f"cue {name}": 1.0 for name in found}
    numbers |= {f"opens {name}": 1.0 for name, start in found.items() if start == 0}
    marked = announcement != "none"
    ties = sum(name in found for name in TIES)
    # In "근데 갑자기 …" and "also, another question: …" the word that joins two sentences ties nothing together.
    tied = any(name in found for name in TIES if name != "joining")
    early = "pronoun" in found and len(_stems(question[: found["pronoun"]])) <= 1
    late = "pronoun" in found and not early
    return numbers | {
        "marker": marked,
        "marker untied": marked and not tied,
        "says new subject": announcement == "new subject",
        "ties": ties,
        "tied": ties > 0,
        "pronoun early": early,
        "pronoun late": late,
    }


def _shape_numbers(question: str, shared: Overlap) -> dict[str, float]:
    count = len(shared.stems)
    few = {f"{number} words": float(count == number) for number in range(4)}
    return few | {
        "words": min(count, 20) / 10,
        "log words": log1p(count),
        "many words": count > _MANY_WORDS,
        "length": log1p(len(question)) / 5,
        "short": len(question) <= _SHORT,
        "asks": question.endswith(_ASKS),
        "lower case": question[:1].islower(),
        "quoted": question.startswith(_QUOTES),
        "elsewhere": is_unknown_language(question),
    }


def _context_numbers(question: str, recent: Sequence[Exchange]) -> dict[str, float]:
    answer = recent[-1].text
    answered_asking = answer[-200:].rstrip().endswith(_ASKS)
    return {
        "asked back": answered_asking,
        "asked back in passing": any(sign in answer[-400:] for sign in _ASKS),
        "replies": answered_asking and not any(sign in question for sign in _ASKS),
        "no answer": not answer,
        "answer length": log1p(min(len(answer), _ANSWER)) / 5,
        "exchanges": log1p(len(recent)),
        "first follow-up": len(recent) == 1,
        "hopping": _hops(recent),
    }


def _hops(recent: Sequence[Exchange]) -> bool:
    """Return whether the last question shared no content word with the exchanges before it."""
    *earlier, last = recent
    before = "".join(_flat(keep_ends(f"{exchange.question} {exchange.text}", _EARLIER)) for exchange in earlier)
    stems = [stem for stem in _stems(keep_ends(last.question, _EARLIER))[:_MOST_STEMS] if stem not in _HOLLOW]
    return bool(earlier and stems) and not any(_needle(stem) in before for stem in stems)


_BY_NEWNESS = ("cue pronoun", "cue joining", "cue more", "tied", "cue task", "cue self")


def _products(numbers: Mapping[str, float]) -> dict[str, float]:
    untied, nothing = 1 - numbers["tied"], numbers["nothing shared"]
    products = {f"{name} × new": numbers.get(name, 0) * numbers["new"] for name in _BY_NEWNESS}
    return products | {
        "untied × new": untied * numbers["new"],
        "untied × rare new": untied * numbers["rare new"],
        "untied × nothing shared": untied * nothing,
        "untied × nothing asked": untied * (not numbers["any asked"]),
        "untied × no roots": untied * numbers["no roots"],
        "untied × rootless": untied * numbers["rootless"],
        "nothing shared × new": nothing * numbers["new"],
        "untied × nothing shared × new": untied * nothing * numbers["new"],
        "hopping × nothing shared": numbers["hopping"] * nothing,
        "hopping × new": numbers["hopping"] * numbers["new"],
        "one word × tied": numbers["1 words"] * numbers["tied"],
        "cue task × nothing asked": numbers.get("cue task", 0) * (not numbers["any asked"]),
    }
