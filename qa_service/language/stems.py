"""Light stems of Korean and English words: the same for a question and a text, not the dictionary's."""

import re

_OPEN = "".join(map(chr, range(0xAC00, 0xD7A4, 28)))
_RIEUL = "".join(map(chr, range(0xAC08, 0xD7A4, 28)))

# A particle that has two forms is one only behind a syllable that takes that form: 가을 is no 가 + 을.
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
"""Any particle, as a pattern."""

_SUFFIX = (
    rf"(?:(?<=[{_OPEN}])(?:{_OPEN_JOSA})|(?<=[{_RIEUL}])로|(?<=[^{_OPEN}])(?:{_CLOSED_JOSA})|{_ANY_JOSA}|{_VERBAL})"
)
# The shortest stem whose rest is particles only: 고양이 and 고양이가 get the same one.
_STEM = re.compile(rf"(..+?){_SUFFIX}+")
_SHORT_STEM = re.compile(rf"(.)(?:(?<=[{_OPEN}])[는를]|(?<=[^{_OPEN}])(?:[은을]|으로)|에서|에는)")

_GRAMMAR = re.compile(_VERBAL)
_IES = re.compile("(?<=..)(?:ies|ied)$")
_PLURAL = re.compile("(?:(?<=[sc]h|ss|zz|.x)es|(?<=..[^sui])s)$")
_VERB = re.compile("(.*[aeiouy].*)(?<=...)(?:ing|(?<!e)ed)")
_DOUBLED = re.compile(r"([^aeioulsz])\1$")
_SILENT_E = re.compile("(?<=...)e$")


def korean_stem(word: str) -> str:
    """The word without its particles and the endings of 하다 and 되다; at least one syllable stays."""
    match = _STEM.fullmatch(word) or _SHORT_STEM.fullmatch(word)
    return match[1] if match else word


def is_grammar(word: str) -> bool:
    """Whether a Korean word is a form of 하다 or 되다 by itself, and says nothing."""
    return bool(_GRAMMAR.fullmatch(word))


def english_stem(word: str) -> str:
    """Without plural, -ing, -ed and a silent e, so that make, makes and making meet. Expects lower case."""
    if not (word.isascii() and word.isalpha()):
        return word
    singular = _PLURAL.sub("", _IES.sub("y", word))
    verb = _VERB.fullmatch(singular)
    return _SILENT_E.sub("", _DOUBLED.sub(r"\1", verb[1]) if verb else singular)
