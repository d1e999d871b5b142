"""This module takes the thoughts out that some servers leave in front of an answer, such as `<think>…</think>`.

Those servers don't tell the thoughts of a model from its answer. Only text at the beginning of an answer is taken for
thoughts, so that an answer may speak of these words.
"""

from collections.abc import Mapping

_CLOSINGS: Mapping[str, str] = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "[THINK]": "[/THINK]",
}


class ThoughtFilter:
    """A `ThoughtFilter` takes the thoughts out of one text, which comes in pieces that are cut anywhere.

    The beginning of the text is held back as long as it may become an opening word.
    """

    def __init__(self) -> None:
        self.over = False
        """This says whether everything from here on is the answer."""
        self.found = False
        """This says whether there were thoughts."""
        self._held = ""
        self._closing = ""

    def strip_thoughts(self, piece: str) -> str:
        """Add a piece, and return what it adds to the answer."""
        if self.over:
            return piece
        text, self._held = self._held + piece, ""
        if not self._closing:
            begun = text.lstrip()
            opening = next((word for word in _CLOSINGS if begun.startswith(word)), None)
            if opening is None:
                return self._hold_beginning(text, begun)
            self.found, self._closing, text = True, _CLOSINGS[opening], begun.removeprefix(opening)
        return self._drop_thoughts(text)

    def release_held(self) -> str:
        """Return what was held back, since nothing follows it. Thoughts without an end are no answer."""
        held = "" if self._closing else self._held
        self.over, self._held = True, ""
        return held

    def _hold_beginning(self, text: str, begun: str) -> str:
        if any(word.startswith(begun) for word in _CLOSINGS):
            self._held = text
            return ""
        self.over = True
        return text

    def _drop_thoughts(self, text: str) -> str:
        """Return the answer behind the thoughts, without the empty lines before it."""
        thoughts, closing, answer = text.partition(self._closing)
        if not closing:
            self._held = thoughts[1 - len(self._closing) :]
            return ""
        if not (answer := answer.lstrip()):
            self._held = closing  # The answer's first word is still to come.
            return ""
        self.over, self._closing = True, ""
        return answer
