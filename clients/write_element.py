"""This script writes the script of `<qa-chat>` into the npm package, as the service itself sends it.

    python -m clients.write_element

npm runs it whenever it packs or publishes. It writes `clients/js/element/qa-chat.js`, which isn't kept in the
repository.
"""

from pathlib import Path

from hatch_build import make_script
from qa_service.web.script_modules import STATIC, join_script, read_made

# The element takes a script that is called `chat.js` for one that its service has sent.
ELEMENT = Path(__file__).parent / "js" / "element" / "qa-chat.js"


def write_element() -> None:
    """Write the file, small where this machine has a minifier. Whoever reads it meanwhile sees a whole one."""
    joined = join_script(STATIC)
    if read_made(joined) is None:
        make_script()
    ELEMENT.parent.mkdir(exist_ok=True)
    fresh = ELEMENT.with_suffix(".new")
    fresh.write_text(read_made(joined) or joined, "utf-8")
    fresh.replace(ELEMENT)


if __name__ == "__main__":
    write_element()
