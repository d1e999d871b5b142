"""This module writes the number of a cell as a spreadsheet program shows it, by the cell's number format.

It covers what changes the meaning: dates and times, percentages, decimal places, thousands, and currencies.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import floor, isfinite

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_CURRENCY = re.compile(r"\[\$([^\[\]-]*+)[^\[\]]*+\]")
_BRACKETS = re.compile(r"\[(?![hms]++\])[^\[\]]*+\]", re.IGNORECASE)
_DATE_SIGN = re.compile(r"[ymdhs]|AM/PM", re.IGNORECASE)
_DATE_PART = re.compile(r"\[?(y+|m+|d+|h+|s+)(?:\.0+)?\]?|AM/PM|A/P|오전/오후|aaaa?|.", re.IGNORECASE | re.DOTALL)
_DIGITS = re.compile(r"(?:[#0?][#0?,]*)?\.([#0?]*),*|[#0?][#0?,]*")
_FIRST_MARK = 0xE000
_MARK = re.compile("[\ue000-\uf8ff]")
"""A character of Unicode's private area stands for each literal text of a format."""
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30, tzinfo=UTC), datetime(1904, 1, 1, tzinfo=UTC)
"""A cell has no time zone, and none is ever written."""
_LARGEST_DAY = 2_958_466
_LEAP_BUG = 60
"""Spreadsheets count a 29 February 1900, which never was. The days before it are one later."""
_PRECISION = 15
_LONGEST_CODE = 255
_MOST_DECIMALS = 15

BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    30: "m/d/yy",
    31: 'yyyy"년" m"월" d"일"',
    32: 'h"시" mm"분"',
    33: 'h"시" mm"분" ss"초"',
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    55: "yyyy-mm-dd",
    56: "yyyy-mm-dd",
    57: "yyyy-mm-dd",
    58: "mm-dd",
}
"""These formats have a number and aren't written into the file. Others that have none show the bare number."""


def format_number(value: float, code: str, *, since_1904: bool = False) -> str:
    """Write a number in a format such as `#,##0"원"`, `0.0%` or `yyyy-mm-dd`."""
    if not isfinite(value):
        return ""
    if code in ("", "General", "@") or len(code) > _LONGEST_CODE or _MARK.search(code):
        return write_plain(value)
    section, value = _choose_section(code, value)
    kept = list[str]()
    bare = _hide_literals(section, kept)
    is_date = _DATE_SIGN.search(bare)
    shown = _format_date(value, bare, since_1904=since_1904) if is_date else _format_amount(value, bare)
    return _MARK.sub(lambda mark: kept[ord(mark[0]) - _FIRST_MARK], shown).strip()


def write_plain(value: float) -> str:
    """Write a number without any format. What is left of a calculation in binary isn't shown."""
    if value == floor(value) and abs(value) < 10**_PRECISION:
        return str(int(value))
    return f"{value:.{_PRECISION - 5}g}"


def _choose_section(code: str, value: float) -> tuple[str, float]:
    """Choose the section of the format for a number of this sign. A section for negative numbers shows no minus, unless
    it writes one itself."""
    sections = _split_sections(code)
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    if value == 0 and (for_zero := sections[2:3]):
        return for_zero[0], value
    return sections[0], value


def _split_sections(code: str) -> list[str]:
    parts, quoted = [""], False
    for sign in code:
        quoted ^= sign == '"'
        if sign == ";" and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _hide_literals(section: str, kept: list[str]) -> str:
    """Put a mark for each literal text, and leave out colours and conditions."""

    def keep(text: str) -> str:
        kept.append(text)
        return chr(_FIRST_MARK + len(kept) - 1)

    section = _CURRENCY.sub(lambda found: keep(found[1]) if found[1] else "", section)
    section = _LITERAL.sub(lambda found: keep(found[1] or found[2]) if found[1] or found[2] else "", section)
    return _BRACKETS.sub("", section)


def _format_amount(value: float, bare: str) -> str:
    digits = _DIGITS.search(bare)
    if digits is None:
        return bare.replace("@", write_plain(value)).replace("General", write_plain(value))
    if "/" in bare:
        return write_plain(value)
    places, scaled = digits[1] or "", len(digits[0]) - len(digits[0].rstrip(","))
    decimals = min(len(places), _MOST_DECIMALS)
    value = value * 100 ** bare.count("%") / 1000**scaled
    if re.search("E[+-]", bare, re.IGNORECASE):
        return f"{value:.{decimals}e}".replace("e", "E")
    amount = f"{_round(value, decimals):{',' if ',' in digits[0].rstrip(',') else ''}.{decimals}f}"
    optional = len(places.rstrip("#?"))
    while decimals > optional and amount.endswith("0"):
        amount, decimals = amount[:-1], decimals - 1
    return bare[: digits.start()] + amount.rstrip(".") + re.sub("[#0?]", "", bare[digits.end() :])


def _round(value: float, decimals: int) -> float:
    """Round half away from zero, as spreadsheets do, of what fifteen digits show."""
    shown = float(f"{value:.{_PRECISION}g}")
    rounded: float = floor(abs(shown) * 10.0**decimals + 0.5 + 1e-9) / 10.0**decimals
    return rounded if shown >= 0 else -rounded


def _format_date(value: float, bare: str, *, since_1904: bool) -> str:
    if not 0 <= value < _LARGEST_DAY:
        return write_plain(value)
    days = value + (not since_1904 and value < _LEAP_BUG)
    moment = (_EPOCH_1904 if since_1904 else _EPOCH) + timedelta(seconds=round(days * 86_400, 3))
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    return "".join(_write_date(moment, value, bare))


def _write_date(moment: datetime, value: float, bare: str) -> Iterator[str]:
    half_day = bool(re.search("AM/PM|A/P|오전/오후", bare, re.IGNORECASE))
    parts = [found[0] for found in _DATE_PART.finditer(bare)]
    for number, part in enumerate(parts):
        sign = part.strip("[]").lower()
        if part.startswith("["):
            yield str(int(value * {"h": 24, "m": 1_440, "s": 86_400}.get(sign[0], 1) + 1e-6))
        elif sign[0] == "m" and set(sign) == {"m"}:
            yield _write_month(moment, sign, is_minute=_stands_by_time(parts, number))
        elif sign[0] in "ydhs" or sign in _NAMED:
            yield _write_part(moment, sign, half_day=half_day)
        elif sign in ("am/pm", "a/p", "오전/오후"):
            yield moment.strftime("%p") if sign != "오전/오후" else ("오전", "오후")[moment.hour // 12]
        else:
            yield part


_NAMED = frozenset({"aaa", "aaaa"})
_DAYS = "월화수목금토일"


def _write_part(moment: datetime, sign: str, *, half_day: bool) -> str:
    hour = (moment.hour % 12 or 12) if half_day else moment.hour
    if sign in _NAMED:
        return _DAYS[moment.weekday()] + ("요일" if sign == "aaaa" else "")
    if sign.startswith("ddd"):
        return moment.strftime("%a" if sign == "ddd" else "%A")
    if sign[0] == "y":
        return f"{moment.year:04}" if sign.startswith("yyy") else f"{moment.year % 100:02}"
    number = {"d": moment.day, "h": hour, "s": moment.second}[sign[0]]
    return f"{number:02}" if sign.startswith(sign[0] * 2) else str(number)


def _write_month(moment: datetime, sign: str, *, is_minute: bool) -> str:
    if is_minute:
        return f"{moment.minute:02}" if len(sign) > 1 else str(moment.minute)
    forms = {1: str(moment.month), 2: f"{moment.month:02}", 3: moment.strftime("%b"), 4: moment.strftime("%B")}
    return forms.get(len(sign), moment.strftime("%b"))


def _stands_by_time(parts: list[str], number: int) -> bool:
    """Tell whether an `m` means minutes: where the part before it is an hour, or the one behind it a second."""
    before = next((part for part in reversed(parts[:number]) if part.strip("[]")[:1].lower() in "ymdhs"), "")
    behind = next((part for part in parts[number + 1 :] if part.strip("[]")[:1].lower() in "ymdhs"), "")
    return before.strip("[").lower().startswith("h") or behind.strip("[").lower().startswith("s")
