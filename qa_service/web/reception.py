"""This module bounds how many request bodies a worker receives at the same time, from all callers and from one
network."""

from threading import Lock

from msgspec import Struct

from qa_service.errors import Overloaded, RateLimited

_RETRY_SECONDS = 5
FEWEST_BODIES = 32
WORKER_BODIES = 16
"""The bodies that a worker receives at the same time may have as many bytes as this many bodies of the largest size."""
_NETWORK_SHARE = 4
"""One network may send a quarter of what a worker may receive. The share is this large because all callers behind a
proxy that isn't trusted have one address. For IPv6 a network is a /48, of which one customer of a provider may have all
65,536 networks of 64 bits."""


class Load(Struct, frozen=True):
    """A `Load` is the number of bodies that are being received, and of their bytes. Where a body's length isn't
    announced, those bytes count that have come."""

    bodies: int = 0
    size: int = 0

    def plus(self, bodies: int, size: int) -> "Load":
        """Return the sum of this load and another."""
        return Load(self.bodies + bodies, self.size + size)

    def exceeds(self, most: "Load") -> bool:
        """Tell whether this load is more than `most` in bodies or in bytes."""
        return self.bodies > most.bodies or self.size > most.size


_NOTHING = Load()


class Reception:
    """A `Reception` counts the bodies that are being received, and refuses those for which there is no room.

    A body is received only as far as room was reserved for it. Whoever reserved room must release all of it.
    """

    def __init__(self, most: Load, *, of_network: Load) -> None:
        self._lock = Lock()
        self._most = most
        self._most_of_network = of_network
        self._all = _NOTHING
        self._networks: dict[str, Load] = {}

    def reserve_room(self, network: str, *, bodies: int = 0, size: int = 0) -> None:
        """Reserve room. Raises `RateLimited` if this network has its share already, and `Overloaded` if the worker is
        full. Nothing is reserved then."""
        with self._lock:
            of_network = self._networks.get(network, _NOTHING).plus(bodies, size)
            of_all = self._all.plus(bodies, size)
            if of_network.exceeds(self._most_of_network):
                raise RateLimited("too much is being sent from this address at once", retry_after=_RETRY_SECONDS)
            if of_all.exceeds(self._most):
                raise Overloaded("too much is being sent to this server at once", retry_after=_RETRY_SECONDS)
            self._networks[network], self._all = of_network, of_all

    def release_room(self, network: str, *, bodies: int, size: int) -> None:
        """Give back what was reserved."""
        with self._lock:
            self._all = self._all.plus(-bodies, -size)
            self._networks[network] = self._networks.get(network, _NOTHING).plus(-bodies, -size)
            if self._networks[network] == _NOTHING:
                del self._networks[network]


def open_reception(max_answers: int, max_body: int) -> Reception:
    """Make a worker's `Reception`. It takes as many bodies at once as the worker writes answers, but at least 32, and
    at most sixteen times the bytes of the largest body."""
    bodies = max(FEWEST_BODIES, max_answers)
    return Reception(
        Load(bodies, WORKER_BODIES * max_body),
        of_network=Load(bodies // _NETWORK_SHARE, WORKER_BODIES * max_body // _NETWORK_SHARE),
    )
