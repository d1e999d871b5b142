"""This module knows the characters of fonts whose letters are signs, such as Wingdings."""

_WINGDINGS = {
    0x6C: "●",
    0x6E: "■",
    0x6F: "☐",
    0x70: "☐",
    0x71: "☐",
    0x72: "☐",
    0x75: "◆",
    0x76: "❖",
    0x77: "◆",
    0x78: "☒",
    0x9F: "•",
    0xA1: "○",
    0xA7: "▪",
    0xA8: "☐",
    0xAB: "★",
    0xD8: "➢",
    0xDF: "←",
    0xE0: "→",
    0xE1: "↑",
    0xE2: "↓",
    0xE7: "⇐",
    0xE8: "➔",
    0xF0: "⇨",
    0xFB: "✗",
    0xFC: "✓",
    0xFD: "☒",
    0xFE: "☑",
}
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x98: "●", 0xA3: "☐", 0xA2: "■"}
_LETTERS = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SMALL_LETTERS = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_SYMBOL = {
    **{0x41 + place: letter for place, letter in enumerate(_LETTERS)},
    **{0x61 + place: letter for place, letter in enumerate(_SMALL_LETTERS)},
    0xA3: "≤",
    0xA5: "∞",
    0xAB: "↔",
    0xAC: "←",
    0xAD: "↑",
    0xAE: "→",
    0xAF: "↓",
    0xB0: "°",
    0xB1: "±",
    0xB3: "≥",
    0xB4: "×",
    0xB7: "•",
    0xB8: "÷",
    0xB9: "≠",
    0xBB: "≈",
    0xD6: "√",
    0xE5: "∑",
    0xF2: "∫",
}
_FONTS = {"wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "symbol": _SYMBOL}
_PRIVATE = 0xF000
"""Office writes the characters of these fonts with this number added, which is in Unicode's private area."""
_UNKNOWN = "•"


def find_sign(font: str, code: str) -> str:
    """Return the character for a sign, whose `code` is hexadecimal. A sign without one becomes a bullet."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    own = number - _PRIVATE if number >= _PRIVATE else number
    known = _FONTS.get(font.casefold())
    if known is not None or number >= _PRIVATE:
        return (known or {}).get(own, _UNKNOWN)
    return chr(number) if number else ""
