"""This module has the limits of a reading process, which the worker chooses and the process sets for itself, and those
of what it reports, which both of them keep."""

import math

from msgspec import Struct

REFUSED = 77
"""A reading process ends with this status if it couldn't enter its sandbox, and therefore read nothing."""
MOST_FILE_PAGES = 2_000
MOST_CHARACTERS = 2_000_000
MOST_FILE_PASSAGES = 10_000
"""A file may have this many passages, which is three times as many as running text of `MOST_CHARACTERS` has. Each of
them takes room for its place, whose names may be a hundred times as long as its text."""
LONGEST_PLACE_NAME = 300
"""The names of headings, sheets, parts and pages are cut after this many characters. Each passage has the names of its
place, so without this bound the long heading of a hostile file would be indexed thousands of times."""
_BYTES_A_SECOND = 50_000


class ProcessLimits(Struct, frozen=True):
    """`ProcessLimits` bound one reading process: `memory` is in bytes of address space, and the others are in seconds
    of processor time."""

    memory: int
    most_seconds: float
    least_seconds: float = 5.0

    def seconds(self, size: int) -> int:
        """Return the seconds that a file of this size in bytes may take. A small file gets fewer, because one that
        takes long is hostile.

        None of the honest files that were measured took more than half of its seconds.
        """
        return math.ceil(min(self.most_seconds, self.least_seconds + size / _BYTES_A_SECOND))
