"""The networks that callers' addresses belong to."""

import ipaddress

IPV6_SITE = 64
"""The bits of an address that are one visitor's: who has a /64 can take any address in it."""
IPV6_CUSTOMER = 48
"""The bits that a provider may give to one customer, who then has 65,536 sites."""


def network_of(address: str, prefix: int = IPV6_SITE) -> str:
    """The network of an IPv6 address; an IPv4 address itself, and any other word as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
