"""This module has what the two formats of Hangul have in common: equations, and titles of chapters."""

import re

_WORDS = {
    "over": "/",
    "sqrt": "√",
    "root": "√",
    "times": "×",
    "div": "÷",
    "cdot": "·",
    "pm": "±",
    "le": "≤",
    "leq": "≤",
    "ge": "≥",
    "geq": "≥",
    "neq": "≠",
    "approx": "≈",
    "sum": "∑",
    "int": "∫",
    "inf": "∞",
    "infty": "∞",
    "rarrow": "→",
    "left": "",
    "right": "",
    "rm": "",
    "it": "",
    "bold": "",
}
_SIMPLE_GROUP = re.compile(r"\{\s*(\w+)\s*\}")
_TITLE = re.compile(r"제\s?\d{1,3}\s?[편장절관](?!\w)[^.]{0,60}")
_TIGHT = re.compile(" ?([/^_]) ?|(√) ")


def write_hangul_equation(script: str) -> str:
    """Write an equation, which is a script such as `{3} over {4}`, with the signs that its words stand for. Groups of
    several parts are put in parentheses."""
    grouped = _SIMPLE_GROUP.sub(r" \1 ", script.replace("`", " ").replace("~", " "))
    words = re.sub(r"[A-Za-z]+", lambda word: _WORDS.get(word[0], word[0]), grouped)
    signs = words.replace("{", "(").replace("}", ")")
    tight = _TIGHT.sub(lambda found: found[1] or found[2], " ".join(signs.split()))
    return re.sub(r"\( | \)", lambda found: found[0].strip(), tight).strip()


def is_chapter_title(text: str) -> bool:
    """Tell whether a paragraph is the title of a chapter, such as `제2장 휴가`. Many authors give it no style."""
    return _TITLE.fullmatch(text) is not None
