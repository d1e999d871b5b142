"""This module finds the stems of Korean and English words.

Forms of the same word in a question and in a text get the same stem, which needn't be a word of the dictionary. Finding
it takes linear time.
"""

import re

# `_OPEN` are the syllables without a final consonant, and `_RIEUL` are those with the final ㄹ. In Unicode the
# syllables come in groups of 28, one for each final: the first of a group has none, and ㄹ comes eight places later.
_OPEN = frozenset(map(chr, range(0xAC00, 0xD7A4, 28)))
_RIEUL = frozenset(map(chr, range(0xAC08, 0xD7A4, 28)))

# Some particles have two forms, one after an open syllable and one after a closed syllable. A form counts as a particle
# only after a syllable of its kind: 가을 is not 가 with the particle 을.
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
"""This pattern matches any particle."""

_FORMS_OF_DO = frozenset(_VERBAL.split("|"))
_ANYWHERE = _FORMS_OF_DO.union(_ANY_JOSA.split("|"))
_BEHIND_OPEN = _ANYWHERE.union(_OPEN_JOSA.split("|"))
_BEHIND_CLOSED = _ANYWHERE.union(_CLOSED_JOSA.split("|"))
_BEHIND_RIEUL = _BEHIND_CLOSED | {"로"}
_LONGEST_SUFFIX = max(map(len, _BEHIND_OPEN | _BEHIND_CLOSED))
_SHORTEST_STEM = 2

# A stem may have only one syllable where one of these particles follows, because they are hardly ever the end of a
# short word.
_SURE_BEHIND_OPEN = frozenset(["는", "를", "에서", "에는"])
_SURE_BEHIND_CLOSED = frozenset(["은", "을", "으로", "에서", "에는"])

_IES = re.compile("(?<=..)(?:ies|ied)$")
_PLURAL = re.compile("(?:(?<=[sc]h|ss|zz|.x)es|(?<=..[^sui])s)$")
_VERBAL_ENDING = re.compile("(?<=...)(?:ing|(?<!e)ed)$")
_VOWEL = re.compile("[aeiouy]")
_DOUBLED = re.compile(r"([^aeioulsz])\1$")
_SILENT_E = re.compile("(?<=...)e$")


def stem_korean(word: str) -> str:
    """Return the word without its particles and the endings of 하다 and 되다. At least one syllable stays.

    The stem is the shortest one after which only such suffixes follow, so that 고양이 and 고양이가 have the same stem.
    """
    length = _stem_length(word)
    if length == len(word) and _is_particle_behind(word[:1], word[1:]):
        length = 1
    return word[:length]


def is_grammar(word: str) -> bool:
    """Return whether a Korean word is nothing but a form of 하다 or 되다, which says nothing about a subject."""
    return word in _FORMS_OF_DO


def stem_english(word: str) -> str:
    """Return the word without the endings of the plural, -ing, -ed and a silent e, so that make, makes and making have
    the same stem. The word must be in lower case."""
    if not (word.isascii() and word.isalpha()):
        return word
    singular = _PLURAL.sub("", _IES.sub("y", word))
    verb = _VERBAL_ENDING.sub("", singular)
    is_verb = verb != singular and _VOWEL.search(verb)
    return _SILENT_E.sub("", _DOUBLED.sub(r"\1", verb) if is_verb else singular)


def _stem_length(word: str) -> int:
    """Return the first index from which the rest of the word consists only of suffixes, or else the word's length.

    All such indexes are found in one pass from the end of the word to its beginning: an index is one of them if a
    suffix begins there and ends at the word's end or at another one.
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
    """Return whether `rest`, after a first syllable, is surely a particle. 나이 and 지도 are words of their own."""
    return rest in (_SURE_BEHIND_OPEN if syllable in _OPEN else _SURE_BEHIND_CLOSED)
