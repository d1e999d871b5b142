"""This module tells which network a caller's address belongs to."""

import ipaddress

IPV6_SITE = 64
"""So many bits of an IPv6 address stand for one visitor, who can take any address in a /64."""
IPV6_CUSTOMER = 48
"""So many bits may stand for one customer of a provider, who then has 65,536 networks of a /64."""


def network_of(address: str, prefix: int = IPV6_SITE) -> str:
    """Give the network of an IPv6 address. An IPv4 address, and a word that is no address, are returned as they are."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
