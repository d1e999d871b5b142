"""Hatch calls this module when it builds the package, also for an editable install. It makes the script of `<qa-chat>`
as browsers get it: without what only people read, with short names, and packed by Brotli and Zopfli.

    python hatch_build.py

makes it again after a module has changed, as `make serve` and `make test` do.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
NO_MINIFIER = "There is no tdewolff-minify on this machine, so the script of <qa-chat> stays as large as it is written."
NO_ZOPFLI = "There is no zopfli on this machine, so the script of <qa-chat> is packed by zlib, which packs it less."
NO_BROTLI = (
    "There is no brotli on this machine, so the script of <qa-chat> is packed by gzip alone, which packs it less."
)


class ScriptHook(BuildHookInterface[Any]):
    """A `ScriptHook` makes the script before Hatch collects the files of the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the script, and say what this machine can't do of it."""
        for trouble in make_script():
            self.app.display_warning(trouble)


def make_script() -> list[str]:
    """Make the script, and return sentences about what is missing for that, which some kinds of machine don't have."""
    # The package itself isn't installed where it is built.
    sys.path.insert(0, str(ROOT))
    from qa_service.web.script_modules import GZIPPED, STATIC, join_script, write_made, write_packed

    try:
        # It runs Go, which may never be loaded into a server that forks.
        import minify
    except ImportError:
        return [NO_MINIFIER]
    joined = join_script(STATIC)
    small = minify.string("application/javascript", joined)
    write_made(joined, small)
    missing = []
    try:
        import brotli

        write_packed(small, brotli.compress(small.encode(), mode=brotli.MODE_TEXT, quality=11))
    except ImportError:
        missing.append(NO_BROTLI)
    try:
        import zopfli.gzip

        write_packed(small, zopfli.gzip.compress(small.encode()), GZIPPED)
    except ImportError:
        missing.append(NO_ZOPFLI)
    return missing


if __name__ == "__main__":
    sys.stderr.writelines(f"{trouble}\n" for trouble in make_script())
