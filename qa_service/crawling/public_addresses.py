"""This module opens connections to public addresses alone.

A name may lead to an address of the site's own network, and may lead there only at the second look-up. So the name is
looked up once, each address that comes of it is checked, and the connection is opened to one of these addresses and not
to the name. What a name leads to is never asked again.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import TypeAlias

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_CONNECT_SECONDS = 5.0
"""One address may take this long. If there are more, the next one is tried then."""

_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # It lies between a provider and its customers.
            "127.0.0.0/8",
            "168.63.129.16/32",  # The host of an Azure machine serves its settings here.
            "169.254.0.0/16",  # Clouds serve the keys of a machine here.
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_OPEN_6 = ipaddress.ip_network("2000::/3")
_CLOSED_6 = tuple(map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")))
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_WITHIN_6TO4 = ipaddress.ip_network("2002::/16")

MayConnect: TypeAlias = Callable[[str], bool]
"""Such a function tells whether a connection to this address, in digits, is allowed."""


class ClosedAddress(OSError):
    """A name leads to an address that isn't public, so that no connection is opened."""


def is_public_address(address: str) -> bool:
    """Tell whether this address, in digits, is one of the public internet. An address of version 6 that holds one of
    version 4 is public where that one is."""
    try:
        # A zone, as in `fe80::1%eth0`, only belongs to addresses that aren't public.
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = _address_within(found)
    if inner is not None:
        return is_public_address(str(inner))
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _CLOSED)
    return found in _OPEN_6 and not any(found in network for network in _CLOSED_6)


def connect_to_public(
    host: str,
    port: int,
    seconds: float,
    may_connect: MayConnect = is_public_address,
    note_socket: Callable[[socket.socket], None] = lambda _: None,
) -> socket.socket:
    """Open a connection to this host. Raises `ClosedAddress` where one of its addresses isn't public, and another
    `OSError` where there is no connection within these seconds. `note_socket` is given each socket before it is
    connected. It may raise an `OSError` instead, and no connection to that address is tried."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))
    if not addresses or not all(may_connect(address) for _, address in addresses):
        raise ClosedAddress(f"{host} leads to an address that isn't public")
    return _connect_to_first(_with_time(addresses, monotonic() + seconds), port, note_socket)


def _connect_to_first(
    addresses: Iterable[tuple[socket.AddressFamily, str, float]],
    port: int,
    note_socket: Callable[[socket.socket], None],
) -> socket.socket:
    failure: OSError = TimeoutError("no address answers")
    for family, address, seconds in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            note_socket(connection)
            connection.connect((address, port))
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _with_time(
    addresses: Sequence[tuple[socket.AddressFamily, str]], until: float
) -> Iterator[tuple[socket.AddressFamily, str, float]]:
    """Give the addresses with the seconds that each one may take, as long as there is time."""
    for family, address in addresses:
        if (left := until - monotonic()) <= 0:
            return
        yield family, address, min(left, _CONNECT_SECONDS)


def _address_within(address: IPAddress) -> ipaddress.IPv4Address | None:
    """Return the address of version 4 that this one is another form of."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _WITHIN_6TO4:
        return address.sixtofour
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
