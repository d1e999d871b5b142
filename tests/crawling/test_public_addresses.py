"""Nothing connects into a private network, whatever a name leads to."""

import socket
from typing import Any

import pytest

from qa_service.crawling.public_addresses import ClosedAddress, connect_to_public, is_public_address

CLOSED = """127.0.0.1 127.255.255.254 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
    168.63.129.16 100.127.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250
    240.0.0.1 255.255.255.255 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
    ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:c0a8:101::1 2001:0:4136:e378::1
    2001:db8::1 ::127.0.0.1 fec0::1 100::1 2001:20::1 nonsense 1.2.3"""
OPEN = "1.1.1.1 8.8.8.8 172.32.0.1 100.63.255.255 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2a00::1"


def answers(*addresses: str) -> Any:
    """Return a look-up that finds these addresses for every name, whatever is asked."""

    def look_up(host: str, port: int, **_: object) -> list[Any]:
        families = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses]
        return [(family, socket.SOCK_STREAM, 6, "", (one, port)) for family, one in families]

    return look_up


def test_only_public_addresses_are_public() -> None:
    assert [one for one in CLOSED.split() if is_public_address(one)] == []
    assert [one for one in OPEN.split() if not is_public_address(one)] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "::1", "::ffff:127.0.0.1"])
def test_no_way_to_write_this_machine_reaches_it(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(OSError):  # noqa: PT011 - of any kind
        connect_to_public(host, server.getsockname()[1], 1.0)


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8", "192.168.0.1"))
    with pytest.raises(ClosedAddress, match="isn't public"):
        connect_to_public("rebinding.example", 80, 1.0)


def test_the_address_that_was_checked_is_connected_to_and_the_name_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def rebind(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        return list(answers("127.0.0.1" if len(asked) == 1 else "127.0.0.2")(host, port))

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        connect_to_public("x.example", server.getsockname()[1], 1.0, lambda found: found == "127.0.0.1") as opened,
    ):
        assert opened.getpeername()[0] == "127.0.0.1"
    assert asked == ["x.example"]
