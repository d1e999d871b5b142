"""These tests show what a prompt says of files that it doesn't quote, and of pages that nobody can read."""

from qa_service.listing import describe_unread, mention_files
from qa_service.model import Message, Passage, Prompt, StoredFile

QUESTION = "What does page 3 say?"


def plan(*pages: int) -> StoredFile:
    return StoredFile("f1", "plan.pdf", "pdf", "partly", 1, reason="no_text_layer", pages=20, unread_pages=pages)


def prompt(*passages: Passage) -> Prompt:
    return Prompt("gpt", (Message("user", QUESTION),), QUESTION, passages=passages)


def message_text(message: Message) -> str:
    return message.content if isinstance(message.content, str) else message.content[0].text


def test_pages_that_follow_each_other_are_a_range() -> None:
    assert describe_unread(plan(2, 3, 4, 9), "en") == '"plan.pdf", pages 2–4, 9'
    assert describe_unread(plan(7), "en") == '"plan.pdf", page 7'
    assert describe_unread(plan(2, 3), "ko") == '"plan.pdf", 2–3쪽'


def test_many_ranges_are_cut() -> None:
    assert describe_unread(plan(*range(1, 200, 2)), "en").endswith("37, 39 …")


def test_a_model_is_told_which_pages_of_a_quoted_file_cannot_be_read() -> None:
    told = mention_files(prompt(Passage("f1", "plan.pdf", "The cover.", n=1)), [plan(2, 3)], budget=9_000)

    *_, listed, question = told.messages
    assert message_text(listed).splitlines()[1:] == ['- "plan.pdf", pages 2–3']
    assert message_text(question) == QUESTION
    assert told.tokens > prompt().tokens
    assert told.unread_pages == ('"plan.pdf", pages 2–3',)


def test_without_such_pages_nothing_is_said_of_a_file_that_is_quoted() -> None:
    asked = prompt(Passage("f1", "plan.pdf", "The cover.", n=1))

    assert mention_files(asked, [plan()], budget=9_000).messages == asked.messages
