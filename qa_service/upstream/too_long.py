"""This module reads from a server's words that a prompt is too long, and how much of it the model takes.

Servers have no common code for this failure, and each says it in words of its own. OpenAI says "This model's maximum
context length is 4096 tokens. However, your messages resulted in 5000 tokens."
"""

import re

# The words are those of OpenAI, Azure, Groq and OpenRouter; vLLM, SGLang, TensorRT-LLM, Text Generation Inference,
# llama.cpp, LM Studio and Ollama; Anthropic, Gemini, Bedrock, Mistral, Cohere, xAI and GitHub.
TOLD = re.compile(
    r"context[ _](?:length|window|size|limit)|context the overflows|max_model_len"
    r"|maximum (?:model|prompt|input|sequence) length|token count\b.{0,40}?\bexceeds"
    r"|(?:prompt|input)\b.{0,40}? (?:is|are) (?:too long|longer than)"
    r"|`inputs`.{0,40}? must (?:be <=|have less)|tokens in the prompt cannot exceed"
    r"|reduce the length of the (?:messages|input)",
    re.IGNORECASE,
)
_N = r"(\d{2,9})"
_LIMIT = re.compile(
    r"(?:context|model|prompt|input|sequence)(?:['’]s)?(?: maximum)? (?:length|window|size|limit)(?: of| is|:)?"
    rf"(?: only)?[ (]+{_N}|(?:exceeds? context limit: [\d +]+|tokens) > {_N}|{_N} maximum context length"
    rf"|exceeds the (?:limit of|maximum number of tokens allowed) \(?{_N}|must (?:be <=|have less than) {_N}"
    rf"|cannot exceed {_N}|\bn_ctx\W+{_N}",
    re.IGNORECASE,
)
_NUMBER = re.compile(rf"(?<![\w.]){_N}(?![\w.]\w)")
_WORDS = 4_000
"""This many characters of what a server says are read."""
_MARGIN = 0.9
"""The count of tokens by which a prompt is shortened is an estimate, so it becomes shorter than the server says."""
_LEAST, _MOST, _USUAL = 0.05, 0.8, 0.5


def read_fitting_share(words: str) -> float:
    """Read which share of the prompt may fit, from 0.05 to 0.8. It is a half where the server names no numbers.

    The limit is the smallest number beside a word for it. The prompt has the largest number of tokens that is named.
    """
    said = words[:_WORDS]
    limit = min((int(n) for found in _LIMIT.finditer(said) for n in found.groups() if n), default=0)
    longer = [n for n in map(int, _NUMBER.findall(said)) if n > limit]
    if not limit or not longer:
        return _USUAL
    return min(_MOST, max(_LEAST, _MARGIN * limit / max(longer)))
