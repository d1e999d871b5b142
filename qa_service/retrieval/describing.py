"""This module says by which text a passage is found."""

from qa_service.model import Passage


def describe_passage(passage: Passage) -> str:
    """Return the text by which a passage is found: what it says, under the heading that it stands under."""
    return passage.text if passage.section in passage.text else f"{passage.section}\n{passage.text}"
