"""Hatch calls this module when it builds the package, also for an editable install. It makes the script of `<qa-chat>`
as browsers get it: without what only people read, and with short names.

    python hatch_build.py

makes it again after a module has changed, as `make serve` and `make test` do.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
NO_MINIFIER = "There is no tdewolff-minify on this machine, so the script of <qa-chat> stays as large as it is written."


class ScriptHook(BuildHookInterface[Any]):
    """A `ScriptHook` makes the script before Hatch collects the files of the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the script, or say that this machine can't."""
        if not make_script():
            self.app.display_warning(NO_MINIFIER)


def make_script() -> bool:
    """Make the script, and return whether there is a minifier, which some kinds of machine don't have."""
    # The package itself isn't installed where it is built.
    sys.path.insert(0, str(ROOT))
    from qa_service.web.script_modules import STATIC, join_script, write_made

    try:
        # It runs Go, which may never be loaded into a server that forks.
        import minify
    except ImportError:
        return False
    joined = join_script(STATIC)
    write_made(joined, minify.string("application/javascript", joined))
    return True


if __name__ == "__main__" and not make_script():
    sys.stderr.write(f"{NO_MINIFIER}\n")
