"""The networks that callers' addresses belong to."""

import ipaddress
import re

IPV6_SITE = 64
"""The bits of an address that are one visitor's: who has a /64 can take any address in it."""
IPV6_CUSTOMER = 48
"""The bits that a provider may give to one customer, who then has 65,536 sites."""
WITH_PORT = re.compile(r"\[?(?P<address>[^\]]*)\]?:[0-9]+")
"""Some proxies write the port as well, which is another one for each connection of the same caller."""


def network_of(address: str, prefix: int = IPV6_SITE) -> str:
    """The network of an IPv6 address; an IPv4 address itself, and any other word as it is. Ports don't count."""
    parsed = _parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), prefix), strict=False))
    return str(parsed or address)


def _parse_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with_port = WITH_PORT.fullmatch(address)
    for spelling in (address, with_port["address"] if with_port else ""):
        try:
            return ipaddress.ip_address(spelling)
        except ValueError:
            continue
    return None
