"""This module takes from a text that nobody vouches for what could deceive a model, before a prompt quotes it.

Two things are no part of what a text says to people, and yet reach a model:

- Characters that nobody sees, such as Unicode's tags, can spell whole sentences. They are taken away. A single joiner
  or selector stays, since words and emojis need it.
- The control tokens of chat templates, such as `<|im_start|>`. Some servers read them in the middle of a message as if
  they had written them, and then a document speaks as the site. Each gets a space behind its bracket, so that it reads
  the same and is ordinary text.

What a text openly says stays as it is, whatever it asks for.
"""

import re

# These are: soft hyphens; the marks and overrides of the direction of writing; zero-width spaces, invisible operators
# and signs that are out of use; fillers; and tags, which only spell the flags of a few regions. Several joiners or
# selectors in a row carry bytes, and no writing needs them.
_HIDDEN = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e007f]+"
    "|[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"
)
# These are the tokens of ChatML, Llama 3, DeepSeek and others; of Llama 2 and Mistral; and of Gemma, with those for the
# beginning and the end of a text.
_CONTROL = re.compile(
    r"<(?=[|｜][^<>\n]{1,40}[|｜]>)"
    r"|<(?=</?SYS>>)|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK)\])"
    r"|<(?=/?(?:s|bos|eos|unk|pad|sop|think|tool_call|tool_response|start_of_turn|end_of_turn)>)",
    re.IGNORECASE,
)


def disarm_text(text: str) -> str:
    """Return the text without hidden characters, and with control tokens that are no tokens any more."""
    seen = text if text.isascii() else _HIDDEN.sub("", text)
    return _CONTROL.sub(lambda bracket: f"{bracket[0]} ", seen) if "<" in seen or "[" in seen else seen
