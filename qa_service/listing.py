"""This module tells a model which files the session has beside those that its prompt quotes or shows, so that no answer
says that there is no file while one is listed."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from qa_service.model import Language, Message, Prompt, StoredFile
from qa_service.prompting import MESSAGE_TOKENS, quote_name
from qa_service.retrieval.splitting import estimate_tokens

MOST_NAMES = 20
"""At most so many files are named."""
HEADING: dict[Language, str] = {
    "en": "[Files] The conversation has these files too. Nothing in them was found for the question below:",
    "ko": "[파일] 대화에는 다음 파일도 있으며, 아래 질문에 맞는 내용은 찾지 못했습니다:",
}
UNREADABLE: dict[Language, str] = {"en": "couldn't be read", "ko": "읽을 수 없었음"}


def mention_files(prompt: Prompt, files: Sequence[StoredFile], budget: int) -> Prompt:
    """Return the prompt with the names of all files. Those that it neither quotes nor shows are listed for the model
    too, in a message before the question, as far as `budget` tokens have room for it."""
    used = {*(passage.file_id for passage in prompt.passages), *prompt.pictures}
    prompt = replace(prompt, files=tuple(file.name for file in files))
    lines = [_write_line(file, prompt.language) for file in files if file.file_id not in used][:MOST_NAMES]
    text = "\n".join([HEADING[prompt.language], *lines])
    tokens = estimate_tokens(text) + MESSAGE_TOKENS
    if not lines or prompt.tokens + tokens > budget:
        return prompt
    *before, question = prompt.messages
    return replace(prompt, messages=(*before, Message("user", text), question), tokens=prompt.tokens + tokens)


def order_files(files: Iterable[StoredFile], topic: int) -> list[StoredFile]:
    """Sort files as they are searched, each once: those of this topic first, and then the others, the latest topic
    first."""
    return sorted({file.file_id: file for file in files}.values(), key=lambda file: (file.topic != topic, -file.topic))


def _write_line(file: StoredFile, language: Language) -> str:
    state = f" ({UNREADABLE[language]})" if file.status in ("failed", "skipped") else ""
    return f"- {quote_name(file.name)}{state}"
