"""This module writes the numbers of lists in the forms that office programs have for them."""

from collections.abc import Callable, Mapping

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"))
_ROMAN_ONES = ((9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MOST_ROMAN = 3_999
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_SYLLABLES = "가나다라마바사아자차카타파하"
_CONSONANTS = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_KOREAN, _CHINESE = ("영일이삼사오육칠팔구", "십백천"), ("〇一二三四五六七八九", "十百千")
_MOST_COUNTED = 9_999


def write_ordinal(number: int, form: str) -> str:
    """Write a number in one of the forms of WordprocessingML, such as `lowerRoman` or `ganada`. Where the form is
    unknown or has no sign for this number, it is written in digits."""
    if form == "none" or number < 0:
        return "" if form == "none" else str(number)
    return _FORMS[form](number) if number and form in _FORMS else str(number)


def _repeat_letters(letters: str) -> Callable[[int], str]:
    """Return a function that writes a, b, …, z, aa, bb, … as Word does."""

    def write(number: int) -> str:
        times, letter = divmod(number - 1, len(letters))
        return letters[letter] * min(times + 1, 9)

    return write


def _take_sign(signs: str) -> Callable[[int], str]:
    return lambda number: signs[number - 1] if number <= len(signs) else str(number)


def _write_roman(number: int) -> str:
    if number > _MOST_ROMAN:
        return str(number)
    written = ""
    for value, sign in (*_ROMAN, *_ROMAN_ONES):
        count, number = divmod(number, value)
        written += sign * count
    return written


def _count_in(digits: str, powers: str) -> Callable[[int], str]:
    """Return a function that writes 21 as 이십일."""

    def write(number: int) -> str:
        if number > _MOST_COUNTED:
            return str(number)
        written = ""
        for power, digit in enumerate(reversed(str(number))):
            one = "" if digit == "1" and power else digits[int(digit)]
            written = (one + (powers[power - 1] if power else "") if digit != "0" else "") + written
        return written

    return write


def _write_digits(digits: str) -> Callable[[int], str]:
    return lambda number: "".join(digits[int(digit)] for digit in str(number))


_FORMS: Mapping[str, Callable[[int], str]] = {
    "decimalZero": "{:02}".format,
    "lowerLetter": _repeat_letters(_LATIN),
    "upperLetter": _repeat_letters(_LATIN.upper()),
    "lowerRoman": _write_roman,
    "upperRoman": lambda number: _write_roman(number).upper(),
    "ganada": _repeat_letters(_SYLLABLES),
    "chosung": _repeat_letters(_CONSONANTS),
    "decimalEnclosedCircle": _take_sign(_CIRCLED),
    "decimalEnclosedCircleChinese": _take_sign(_CIRCLED),
    "decimalEnclosedParen": "({})".format,
    "decimalEnclosedFullstop": "{}.".format,
    "numberInDash": "- {} -".format,
    "ideographTraditional": _take_sign(_STEMS),
    "ideographZodiac": _take_sign(_BRANCHES),
    "koreanCounting": _count_in(*_KOREAN),
    "koreanDigital": _write_digits(_KOREAN[0]),
    "koreanDigital2": _write_digits(_CHINESE[0]),
    "japaneseCounting": _count_in(*_CHINESE),
    "chineseCounting": _count_in(*_CHINESE),
    "ideographDigital": _write_digits(_CHINESE[0]),
    "taiwaneseCounting": _count_in(*_CHINESE),
}
