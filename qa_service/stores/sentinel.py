"""This module connects to the master of a service that sentinels watch, and to the next master after a failover."""

import time
from contextlib import suppress
from typing import Any

import redis
from redis.sentinel import Sentinel

FRESH_SECONDS = 1.0
"""The sentinels are asked again which server is the master when their last answer is this many seconds old."""


class SentinelMaster:
    """A `SentinelMaster` knows the address of a service's master. It asks the sentinels again and again, since a master
    that was replaced may still take writes, and those writes are lost."""

    def __init__(self, sentinel: Sentinel, service: str, *, fresh: float = FRESH_SECONDS) -> None:
        self._sentinel = sentinel
        self._service = service
        self._fresh = fresh
        self._asked = 0.0
        self._address: tuple[str, int] | None = None

    def recent_address(self) -> tuple[str, int] | None:
        """Return the address, which is at most `fresh` seconds old, or the last known one where no sentinel answers."""
        if time.monotonic() - self._asked >= self._fresh:
            with suppress(redis.ConnectionError):
                self.current_address()
        return self._address

    def current_address(self) -> tuple[str, int]:
        """Ask the sentinels for the address. Raises `redis.ConnectionError` where none of them knows a master that
        lives."""
        self._asked = time.monotonic()
        self._address = self._sentinel.discover_master(self._service)
        return self._address


class MasterConnection(redis.Connection):
    """A `MasterConnection` connects to the current master, and closes itself where its server isn't the master any
    more."""

    def __init__(self, *, master: SentinelMaster, **options: Any) -> None:
        super().__init__(**options)
        self._master = master

    def connect(self) -> None:
        if self.is_connected and (self.host, self.port) != self._master.recent_address():
            self.disconnect()
        super().connect()

    def connect_check_health(self, *arguments: Any, **options: Any) -> None:
        if not self.is_connected:
            self.host, self.port = self._master.current_address()
        super().connect_check_health(*arguments, **options)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except redis.ReadOnlyError as error:
            self.disconnect()
            raise redis.ConnectionError("this server is no master any more") from error


class MasterSSLConnection(MasterConnection, redis.SSLConnection):
    """A `MasterSSLConnection` is a `MasterConnection` over TLS."""
