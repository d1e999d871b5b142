"""This module finds the search tokens and the content words of a text, with or without spaces between its words."""

import re
from functools import lru_cache
from itertools import chain
from operator import add
from typing import TypeAlias
from unicodedata import normalize

from qa_service.language.stems import JOSA, is_grammar, stem_english, stem_korean

LONGEST_WORD = 64
"""Only this many characters of a word count. A longer text without spaces isn't a word, but base64 or something
similar."""

_Run: TypeAlias = tuple[str, str]
"""A run is a piece of text in one script: first its kind, which is the name of a group in `_RUN`, and then the
piece."""

_HANGUL = "가-힣ㄱ-ㅎㅏ-ㅣ"
_CJK = "々〆㐀-䶿一-鿿豈-龎𠀀-𰹿ぁ-ゖァ-ヺー"
_RUN = re.compile(
    # A particle after a Latin word, as in GPT로, isn't a word of its own. It is matched outside of any group, and left
    # out.
    rf"(?<=[a-z0-9%])(?=[가-힣])(?:{JOSA}(?![{_HANGUL}]))|(?P<hangul>[{_HANGUL}]+)|(?P<cjk>[{_CJK}]+)|(?P<number>\d+(?:[.,]\d+)+)"
    rf"|(?P<word>[^\W_{_HANGUL}{_CJK}]+)(?:['’](?:s|t|d|m|re|ve|ll)\b)?"
)
_SHIFTED = re.compile("[⁰¹²³⁴-⁹]+|(?<=[0-9])[₀-₉]+")
"""These digits become usual ones, and 10⁶ is not 106. H₂O is H2O, however."""
_NAMED = re.compile(rf"(?<![{_HANGUL}])[{_HANGUL}]{{2,12}}\d{{1,6}}(?![.,]?\d)")
"""A number that is written together with a Korean word tells things of one kind apart, as in 펌프3 and 펌프13."""
_HIRAGANA = re.compile("[ぁ-ゖ]+")
_LITTLE_WORDS = """
    a an the and or but nor so if then than that this these those there here it its they them their he him his she her
    we us our you your i me my mine is am are was were be been being do does did done don doesn didn have has had
    having will would wouldn shall should shouldn can could couldn may might must not no yes of in on at by to from
    for with without about into onto over under between as up down out off again also just only very too what which
    who whom whose when where why how some any all each every both few more most other such same own please tell let
    get give know want need like make use much many

    그 이 저 것 수 등 및 또 더 좀 왜 뭐 무엇 어떤 어떻게 어디 언제 누가 누구 얼마나 그리고 그러나 하지만 그런데 그래서
    그럼 그러면 또는 혹은 만약 대한 대해 대하여 관한 관해 위한 위해 통해 따라 있는 있나요 있다 있습니다 있어 있을
    있는지 없는 없다 없나요 하는 하다 합니다 해 한 할 하고 되는 된 될 됩니다 이것 그것 저것 이거 그거 저거 이런 그런
    저런 여기 거기 저기 우리 제 내 나 저희 당신 알려줘 알려주세요 설명해줘 설명해주세요 주세요 줘 무슨 어느 몇 경우 때
    중 가장 모두 다시 바로 정말 너무 매우 뭔가요 무엇인가요
"""
_FUNCTION_WORDS = frozenset(_LITTLE_WORDS.split())


def list_tokens(text: str) -> list[str]:
    """List the tokens that ranking counts, in their order and as often as they occur.

    A word of a language with spaces becomes its stem. A Korean word becomes its stem and all pairs of neighbouring
    syllables, so that a compound is found by its parts. Japanese and Chinese become pairs of neighbouring characters. A
    number becomes the whole number and its parts between points and commas. A Korean word with a number behind it, such
    as 펌프3, is a token besides its parts.
    """
    folded = _fold(text)
    return [*chain.from_iterable(map(_tokens_of, _runs(folded))), *_list_named(folded)]


def list_search_tokens(text: str) -> list[str]:
    """List the tokens by which passages are searched for a question: those of `list_tokens` without function words.

    Where a question has nothing else, its function words count.
    """
    folded = _fold(text)
    runs = _runs(folded)
    content = [run for run in runs if not _is_function_word(run)] or runs
    return [*chain.from_iterable(map(_tokens_of, content)), *_list_named(folded)]


def _list_named(folded: str) -> list[str]:
    return [] if folded.isascii() else _NAMED.findall(folded)


def _is_function_word(run: _Run) -> bool:
    return run[0] in ("word", "hangul") and not _words_of(run)


def list_words(text: str) -> list[str]:
    """List the stems of the content words, in their order, to compare texts by them.

    Japanese and Chinese have no spaces between words, so pairs of neighbouring characters are listed instead. Hiragana
    is left out, because it is mostly grammar.
    """
    return list(chain.from_iterable(map(_words_of, _runs(_fold(text)))))


def list_content_tokens(text: str) -> list[str]:
    """List the tokens of the content words alone, in their order, to look for these words in an index.

    A Korean word becomes its stem and the pairs of the stem's syllables. Its particles are left out.
    """
    return list(chain.from_iterable(map(_content_tokens_of, _runs(_fold(text)))))


def _content_tokens_of(run: _Run) -> tuple[str, ...]:
    words = _words_of(run)
    return tuple(chain(words, *map(_pairs, words))) if run[0] == "hangul" else words


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else normalize("NFKC", _SHIFTED.sub(r" \g<0>", text)).casefold()


def _runs(folded: str) -> list[_Run]:
    return [(match.lastgroup, match[match.lastgroup]) for match in _RUN.finditer(folded) if match.lastgroup]


def _tokens_of(run: _Run) -> tuple[str, ...]:
    return _known_tokens(run) if len(run[1]) <= LONGEST_WORD else _read_tokens(run)


def _words_of(run: _Run) -> tuple[str, ...]:
    return _known_words(run) if len(run[1]) <= LONGEST_WORD else _read_words(run)


def _read_tokens(run: _Run) -> tuple[str, ...]:
    kind, text = run
    match kind:
        case "hangul":
            return (stem_korean(text[:LONGEST_WORD]), *_pairs(text))
        case "cjk":
            return _pairs(text) or (text,)
        case "number":
            return (_number(text), *text.replace(",", ".").split("."))
        case _:
            return (stem_english(text[:LONGEST_WORD]),)


def _read_words(run: _Run) -> tuple[str, ...]:
    kind, text = run
    match kind:
        case "cjk":
            return tuple(chain.from_iterable(_pairs(part) or (part,) for part in _HIRAGANA.sub(" ", text).split()))
        case "number":
            return (_number(text),)
        case _ if text in _FUNCTION_WORDS:
            return ()
        case "hangul":
            stem = stem_korean(text[:LONGEST_WORD])
            return () if stem in _FUNCTION_WORDS or is_grammar(text) else (stem,)
        case _:
            return (stem_english(text[:LONGEST_WORD]),)


# The tokens of a word are remembered, because texts repeat their words. Those of long runs aren't, so that the memory
# for them is bounded.
_known_tokens = lru_cache(maxsize=1 << 15)(_read_tokens)
_known_words = lru_cache(maxsize=1 << 14)(_read_words)


def _pairs(text: str) -> tuple[str, ...]:
    return tuple(map(add, text, text[1:]))


def _number(text: str) -> str:
    return text.replace(",", "")[:LONGEST_WORD]
