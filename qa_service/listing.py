"""This module tells a model which files the session has beside those that its prompt quotes or shows, and which pages
can't be read. So no answer says that there is no file while one is listed, or that a scan doesn't say something."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec.structs import replace

from qa_service.model import Language, Message, Prompt, StoredFile
from qa_service.prompting import MESSAGE_TOKENS, quote_name
from qa_service.retrieval.splitting import estimate_tokens

_MOST_NAMES = 20
"""At most this many files are named."""
_HEADING: dict[Language, str] = {
    "en": "[Files] The conversation has these files too. Nothing in them was found for the question below:",
    "ko": "[파일] 대화에는 다음 파일도 있으며, 아래 질문에 맞는 내용은 찾지 못했습니다:",
}
_UNREAD: dict[Language, str] = {
    "en": "[Pages] These pages can't be read, because they are scans or damaged. Nobody knows what is on them:",
    "ko": "[쪽] 다음 쪽은 스캔이거나 손상되어 읽을 수 없으며, 무슨 내용인지 알 수 없습니다:",
}
MOST_RANGES = 20
"""At most this many ranges of pages of a file are named."""
_PAGES = {"en": ("page {}", "pages {}"), "ko": ("{}쪽", "{}쪽")}
_UNREADABLE: dict[Language, str] = {"en": "couldn't be read", "ko": "읽을 수 없었음"}


def mention_files(prompt: Prompt, files: Sequence[StoredFile], budget: int) -> Prompt:
    """Return the prompt with the names of all files. Those that it neither quotes nor shows are listed for the model
    too, in a message before the question, as far as `budget` tokens have room for it."""
    used = {*(passage.file_id for passage in prompt.passages), *prompt.pictures}
    language = prompt.language
    unread = tuple(describe_unread(file, language) for file in files if file.unread_pages)[:_MOST_NAMES]
    prompt = replace(prompt, files=tuple(file.name for file in files), unread_pages=unread)
    lines = [_write_line(file, language) for file in files if file.file_id not in used][:_MOST_NAMES]
    lines = [_HEADING[language], *lines] if lines else []
    lines += [_UNREAD[language], *(f"- {pages}" for pages in unread)] if unread else []
    text = "\n".join(lines)
    tokens = estimate_tokens(text) + MESSAGE_TOKENS
    if not lines or prompt.tokens + tokens > budget:
        return prompt
    *before, question = prompt.messages
    return replace(prompt, messages=(*before, Message("user", text), question), tokens=prompt.tokens + tokens)


def describe_unread(file: StoredFile, language: Language) -> str:
    """Name the pages of a file that can't be read, such as `plan.pdf, pages 2–5, 9`."""
    groups = groupby(enumerate(file.unread_pages), key=lambda pair: pair[1] - pair[0])
    ranges = [[page for _, page in group] for _, group in groups]
    shown = [f"{pages[0]}–{pages[-1]}" if len(pages) > 1 else str(pages[0]) for pages in ranges[:MOST_RANGES]]
    words = _PAGES[language][len(file.unread_pages) > 1].format(", ".join(shown))
    return f"{quote_name(file.name)}, {words}{' …' if len(ranges) > MOST_RANGES else ''}"


def order_files(files: Iterable[StoredFile], topic: int) -> list[StoredFile]:
    """Sort files as they are searched, each once: those of this topic first, and then the others, the latest topic
    first."""
    return sorted({file.file_id: file for file in files}.values(), key=lambda file: (file.topic != topic, -file.topic))


def _write_line(file: StoredFile, language: Language) -> str:
    state = f" ({_UNREADABLE[language]})" if file.status in ("failed", "skipped") else ""
    return f"- {quote_name(file.name)}{state}"
