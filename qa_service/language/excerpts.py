"""This module shortens a long text to its beginning and its end, which mostly say what the text is about."""


def keep_ends(text: str, most: int) -> str:
    """Return the text, or `most` of its characters where it has more: half of them from its beginning and half from its
    end, with a space between them."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} {text[-half:]}"
