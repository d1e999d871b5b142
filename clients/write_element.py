"""This script writes the script of `<qa-chat>` into the npm package, as the service itself sends it.

    python -m clients.write_element

npm runs it whenever it packs or publishes. It writes `clients/js/element/qa-chat.js`, which isn't kept in the
repository.
"""

from pathlib import Path

from qa_service.web.chat_script import chat_script

# The element takes a script that is called `chat.js` for one that its service has sent.
ELEMENT = Path(__file__).parent / "js" / "element" / "qa-chat.js"


def write_element() -> None:
    """Write the file. Whoever reads it meanwhile sees a whole one."""
    ELEMENT.parent.mkdir(exist_ok=True)
    fresh = ELEMENT.with_suffix(".new")
    fresh.write_bytes(chat_script().plain)
    fresh.replace(ELEMENT)


if __name__ == "__main__":
    write_element()
