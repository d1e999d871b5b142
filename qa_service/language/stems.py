"""Light stems of Korean and English words: a question and a text get the same ones, which needn't be the dictionary's.

A word is read from its end, one syllable or ending at a time, so the cost grows with its length and no faster.
"""

import re

# Unicode orders the 28 possible finals of each syllable: none comes first, and ㄹ is the eighth behind it.
_OPEN = frozenset(map(chr, range(0xAC00, 0xD7A4, 28)))
_RIEUL = frozenset(map(chr, range(0xAC08, 0xD7A4, 28)))

# A particle that has two forms is one only behind a syllable that takes that form: 가을 is not 가 with 을.
_OPEN_JOSA = "는|를|가|와|로|로서|로써|로는|로도|로부터|라고|라는|란|랑|나요|예요|였다"
_CLOSED_JOSA = (
    "은|을|이|과|으로|으로서|으로써|으로는|으로도|으로부터|이라고|이라는|이라면|이란|이랑|이나|이며|이고|이다"
    "|이야|이에요"
)
_ANY_JOSA = (
    "의|에|에서|에게|에게서|에는|에도|에서는|에서도|에서의|까지|까지는|부터|부터는|도|만|만의|만큼|보다"
    "|보다는|처럼|마다|조차|밖에|대로|께|께서|께서는|한테|한테서|하고|들|들이|들은|들을|들의|들에게|뿐|인"
    "|인가|인가요|인지|입니다|입니까|인데|요"
)
_VERBAL = (
    "하다|하는|하면|하려면|하려고|하고|하며|하기|하여|하게|하지|하던|하나|하나요|하세요|하십시오|한|한다"
    "|한다면|한지|할|할까|할까요|할지|해도|해서|해야|해요|해줘|해주세요|했다|했던|했고|했는데|했나요|했어요"
    "|했습니다|합니다|합니까|되다|되는|되면|되고|되며|되기|되어|되어야|되나|되나요|된|된다|될|될까|될까요"
    "|됐다|되었다|되었습니다|됩니다|됩니까"
)
JOSA = f"(?:{_OPEN_JOSA}|{_CLOSED_JOSA}|{_ANY_JOSA})"
"""A pattern that matches any particle."""

_FORMS_OF_DO = frozenset(_VERBAL.split("|"))
_ANYWHERE = _FORMS_OF_DO.union(_ANY_JOSA.split("|"))
_BEHIND_OPEN = _ANYWHERE.union(_OPEN_JOSA.split("|"))
_BEHIND_CLOSED = _ANYWHERE.union(_CLOSED_JOSA.split("|"))
_BEHIND_RIEUL = _BEHIND_CLOSED | {"로"}
_LONGEST_SUFFIX = max(map(len, _BEHIND_OPEN | _BEHIND_CLOSED))
_SHORTEST_STEM = 2

# A stem of one syllable is believed only before these, which hardly ever end a short word.
_SURE_BEHIND_OPEN = frozenset(["는", "를", "에서", "에는"])
_SURE_BEHIND_CLOSED = frozenset(["은", "을", "으로", "에서", "에는"])

_IES = re.compile("(?<=..)(?:ies|ied)$")
_PLURAL = re.compile("(?:(?<=[sc]h|ss|zz|.x)es|(?<=..[^sui])s)$")
_VERBAL_ENDING = re.compile("(?<=...)(?:ing|(?<!e)ed)$")
_VOWEL = re.compile("[aeiouy]")
_DOUBLED = re.compile(r"([^aeioulsz])\1$")
_SILENT_E = re.compile("(?<=...)e$")


def stem_korean(word: str) -> str:
    """The word without its particles and the endings of 하다 and 되다; at least one syllable stays.

    It is the shortest stem whose rest consists of suffixes only, so that 고양이 and 고양이가 get the same one.
    """
    length = _stem_length(word)
    if length == len(word) and _is_particle_behind(word[:1], word[1:]):
        length = 1
    return word[:length]


def is_grammar(word: str) -> bool:
    """Whether a Korean word is a form of 하다 or 되다 by itself, which says nothing."""
    return word in _FORMS_OF_DO


def stem_english(word: str) -> str:
    """The word without plural, -ing, -ed and a silent e, so that make, makes and making meet. It expects lower case."""
    if not (word.isascii() and word.isalpha()):
        return word
    singular = _PLURAL.sub("", _IES.sub("y", word))
    verb = _VERBAL_ENDING.sub("", singular)
    is_verb = verb != singular and _VOWEL.search(verb)
    return _SILENT_E.sub("", _DOUBLED.sub(r"\1", verb) if is_verb else singular)


def _stem_length(word: str) -> int:
    """The first place from which on the word consists of suffixes only, or its length if there is none.

    Every place is decided once, from the end of the word to its beginning: it is such a place if a suffix stands
    there and ends at another one.
    """
    first = len(word)
    places = {first}
    for start in range(len(word) - 1, _SHORTEST_STEM - 1, -1):
        if first - start > _LONGEST_SUFFIX:
            break
        suffixes = _suffixes_behind(word[start - 1])
        ends = range(start + 1, start + _LONGEST_SUFFIX + 1)
        if any(end in places and word[start:end] in suffixes for end in ends):
            places.add(start)
            first = start
    return first


def _suffixes_behind(syllable: str) -> frozenset[str]:
    if syllable in _OPEN:
        return _BEHIND_OPEN
    return _BEHIND_RIEUL if syllable in _RIEUL else _BEHIND_CLOSED


def _is_particle_behind(syllable: str, rest: str) -> bool:
    """Whether the rest of a word of one syllable is surely a particle; 나이 and 지도 are words of their own."""
    return rest in (_SURE_BEHIND_OPEN if syllable in _OPEN else _SURE_BEHIND_CLOSED)
