"""This module tells which network a caller's address belongs to."""

import ipaddress
import re

IPV6_SITE = 64
"""This many bits of an IPv6 address stand for one visitor, who can take any address that begins with them."""
IPV6_CUSTOMER = 48
"""This many bits may stand for one customer of a provider. The customer then has 65,536 networks of 64 bits."""
WITH_PORT = re.compile(r"\[?(?P<address>[^\]]*)\]?:[0-9]+")
"""Some proxies write the port as well. It differs between the connections of the same caller."""


def network_of(address: str, prefix: int = IPV6_SITE) -> str:
    """Give the network of an IPv6 address. An IPv4 address, and a word that is no address, are returned as they are.
    Ports don't count."""
    parsed = _parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), prefix), strict=False))
    return str(parsed or address)


def is_loopback(address: str) -> bool:
    """Tell whether this is an IP address of the machine itself. A name isn't one."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _parse_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with_port = WITH_PORT.fullmatch(address)
    for spelling in (address, with_port["address"] if with_port else ""):
        try:
            return ipaddress.ip_address(spelling)
        except ValueError:
            continue
    return None
