"""This module finds the code page of a text whose letters have one byte each, by the letters of the languages.

An alphabet here begins with its most frequent letters. A wrong code page shows rare letters, letters of no language,
capitals within words, or signs of boxes. Of the Latin alphabets only the letters beyond ASCII count.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

_SAMPLE = 1 << 13
"""At most this many bytes of a text are looked at."""

_FREQUENT, _USUAL = 9, 18
_WEIGHTS = (1.0, 0.7, 0.3)
"""A letter counts this much where it is among the nine most frequent ones, among the next nine, or a rare one."""
_UNLIKELY = 0.5
"""A word in capitals counts by this much less, and so does a Latin word whose letters are mostly beyond ASCII."""
_SINGLE = 0.2
"""A word of one letter counts by this much less."""
_QUOTE = 0.5
"""A sign of typography counts as much as half a letter."""
_GUESSED = 0.5
"""The code page that another detector guesses is rated this much higher. Any number between 0.3 and 1 would do."""
_QUOTES = re.compile("[‘’“”„–—…€«»]")
_STRANGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u2500-\u25ff\ufffd]")
_WORD = re.compile(r"[^\W\d_]+")

_CYRILLIC = ("оаеинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "оаинівретсклудмпязьбгчйхжїшюцщєфґ", "аиоетнрсвлкдпмзяъгубчщжйцхшюфь")
_WESTERN = ("äüöß", "éèàêçôîûâùœëï", "óíáéñúü", "ãçéáóíâêúõôà", "àèéòùì", "åäöé", "øåæé", "ëéïöü")
_CENTRAL = ("łęóążśćńź", "íáéřěčžýšůúďťňó", "áéőöíóüúű", "áíčéžýšúľťôňäďĺŕ", "čžšćđ", "ăîâșțşţ")
_LETTERS: Mapping[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1251": _CYRILLIC,
    "cp1250": _CENTRAL,
    "koi8_u": _CYRILLIC[:2],
    "cp866": _CYRILLIC[:1],
    "cp1253": ("αοιετσνηυρπκλμωάίόέςδγήχθφύβώξζψϊΰ",),
    "cp1254": ("ışğüçöâî",),
    "cp1255": ("יוהלאמרשתבםנכעדקןפחטסגץךזצף",),
    "cp1256": ("اليمنرتوبسدعفهكقحجةشصىخطذأءضزئغثظإؤآ",),
    "cp1257": ("šėąžųčįęū", "āīšēņžļķūģč", "äõüöšž"),
    "cp1258": ("ôđêươâă\u0300\u0301\u0309\u0303\u0323à",),
    "cp874": ("านรอกเงมยลวดทสตะปบคหแจพชขใไโผซถศธณฟภษัิี่้็์ืุูำ",),
    "iso8859_2": _CENTRAL,
}


class _Alphabet(Struct, frozen=True):
    """An `_Alphabet` has the weight of each small letter of one language."""

    weights: Mapping[str, float]
    is_latin: bool

    def rate_word(self, word: str) -> float:
        """Rate a word from minus to plus the number of its letters beyond ASCII."""
        small = word.lower()
        foreign = [letter for letter in small if not letter.isascii()]
        has_ascii = len(foreign) < len(small)
        is_mixed = not (word[1:].islower() or word.isupper() or small == word)
        if is_mixed or (has_ascii and not self.is_latin) or not self.weights.keys() >= set(foreign):
            return -float(len(foreign))
        rating = sum(self.weights[letter] for letter in foreign)
        if len(word) == 1:
            return rating * _SINGLE
        is_unlikely = (word.isupper() and small != word) or (self.is_latin and len(foreign) > len(small) / 2)
        return rating * _UNLIKELY if is_unlikely else rating


def _build_alphabet(letters: str) -> _Alphabet:
    latin = letters[0] < "\u0370"
    weights = {
        letter: 1.0 if latin else _WEIGHTS[(place >= _FREQUENT) + (place >= _USUAL)]
        for place, letter in enumerate(letters)
    }
    return _Alphabet(weights, latin)


_ALPHABETS = {codec: tuple(map(_build_alphabet, languages)) for codec, languages in _LETTERS.items()}


def find_code_page(content: bytes, guess: str = "") -> str:
    """Return Python's codec for the code page that fits best. Where several fit equally well, it is `guess`, or else
    the one that more people use."""
    sample = content[:_SAMPLE]
    ratings = {codec: max(_rate_page(sample, codec)) + _GUESSED * (codec == guess) for codec in _ALPHABETS}
    return max(ratings, key=lambda codec: ratings[codec])


def _rate_page(sample: bytes, codec: str) -> Iterator[float]:
    """Rate the text for each language of this code page."""
    text = sample.decode(codec, "replace")
    signs = _QUOTE * len(_QUOTES.findall(text)) - len(_STRANGE.findall(text))
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    for alphabet in _ALPHABETS[codec]:
        yield sum(map(alphabet.rate_word, words)) + signs
