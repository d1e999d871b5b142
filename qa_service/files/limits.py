"""The limits of a reading process, which the worker sets and the reading process enters."""

import math

from msgspec import Struct

REFUSED = 77
"""The exit status of a reading process that couldn't enter its sandbox, and therefore read nothing."""
_BYTES_A_SECOND = 200_000


class ProcessLimits(Struct, frozen=True):
    """The bounds of one reading process. `memory` is bytes of address space, all else seconds of processor time."""

    memory: int
    most_seconds: float
    least_seconds: float = 5.0

    def seconds(self, size: int) -> int:
        """Give the seconds for a file of this size in bytes, because a small file that takes long is hostile.

        Of the honest files that were measured none takes more than a fifth of them.
        """
        return math.ceil(min(self.most_seconds, self.least_seconds + size / _BYTES_A_SECOND))
