"""This module plays the clients. One thread has many connections, which ask, read, measure the age of what they read,
and check it."""

import json
import re
import select
import socket
from array import array
from collections.abc import Callable, Iterable
from time import monotonic, monotonic_ns
from zlib import crc32

from msgspec import Struct

READ = 1 << 18
LOOK = 0.02
"""This many seconds pass between two looks at the clock while nothing comes."""

_INSIDE = rb'"((?:[^"\\]+|\\.)*)"'
_SENT_AT = re.compile(rb"@(\d+)")
DIFFERENT = "not the text that upstream sent"
_END = b"\r\n0\r\n\r\n"


class Notation(Struct, frozen=True):
    """A `Notation` says how an answer is written.

    Frames are cut out of what a read brought, without taking chunks apart. Servers write whole frames; if one didn't,
    the checksum in the text would be wrong. The insides of JSON strings, joined, are the inside of a JSON string again.
    """

    text: re.Pattern[bytes]
    """This finds the inside of the JSON string of each piece of text."""
    done: re.Pattern[bytes]
    """This finds what every answer must have that has come to its end."""
    end: bytes = b"\n\n"
    """Each frame ends with this."""


def notation(before_text: bytes, done: bytes, end: bytes = b"\n\n") -> Notation:
    """Make the notation that has texts as JSON strings behind `before_text`."""
    return Notation(re.compile(before_text + _INSIDE), re.compile(done), end)


TYPED = notation(rb'"type": ?"text", ?"content": ?', rb'"type": ?"done"')
OPENAI_EVENTS = notation(rb'"delta":', rb'"type":"response\.completed"')


class Door(Struct, frozen=True):
    """A `Door` says where a server is asked, and how."""

    port: int
    request: Callable[[int, int], bytes]
    """This makes the bytes that ask a question, from the number of the connection and the number of its question."""
    notation: Notation = TYPED


class Tally:
    """A `Tally` holds what all connections have seen so far."""

    def __init__(self) -> None:
        self.finished = 0
        self.deltas = 0
        self.reading = 0
        """This many answers have begun with their text and haven't ended."""
        self.ages = array("q")
        """These are the nanoseconds from upstream's sending of each delta to its arrival here."""
        self.firsts = array("q")
        """These are the nanoseconds from each question to the first text of its answer."""
        self.faults: list[str] = []


def fault_of(text: bytes, deltas: int) -> str:
    """Find what is wrong with the text of a whole answer, which is given as the inside of a JSON string. The result is
    empty if nothing is wrong."""
    try:
        body, _, mark = str(json.loads(b'"%b"' % text)).rpartition("=")
    except ValueError:
        return "text that isn't JSON"
    if mark != f"{crc32(body.encode()):08x}":
        return DIFFERENT
    return "" if body.count(" ") == deltas else f"{body.count(' ')} deltas instead of {deltas}"


class Visitor:
    """A `Visitor` is one connection, which asks one question after another."""

    def __init__(self, door: Door, number: int, deltas: int, tally: Tally) -> None:
        self.sock = socket.create_connection(("127.0.0.1", door.port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._door = door
        self._notation = door.notation
        self._number = number
        self._deltas = deltas
        self.tally = tally
        self._asked = 0

    def ask(self) -> None:
        """Send the next question."""
        request = self._door.request(self._number, self._asked)
        self._asked += 1
        self._rest = self._last = self.head = b""
        self._is_done = False
        self._text: list[bytes] = []
        self._asked_at = monotonic_ns()
        self.sock.sendall(request)

    def read(self) -> bool:
        """Take in what has come, and return whether the answer has ended."""
        received = self.sock.recv(READ)
        now = monotonic_ns()
        if not received:
            return self._end("cut short")
        if not self.head:
            self.head = received
            if not received.startswith(b"HTTP/1.1 200"):
                return self._end(received[:12].decode(errors="replace"))
        arrived = self._rest + received
        cut = arrived.rfind(self._notation.end) + 1
        if text := b"".join(self._notation.text.findall(arrived, 0, cut)):
            self._take(text, now)
        self._is_done = bool(self._notation.done.search(arrived, 0, cut)) or self._is_done
        self._rest = arrived[cut:]
        self._last = (self._last + received[-len(_END) :])[-len(_END) :]
        if self._last != _END:
            return False
        return self._end("" if self._is_done else "no `done` at the end")

    def _take(self, text: bytes, now: int) -> None:
        tally = self.tally
        if not self._text:
            tally.firsts.append(now - self._asked_at)
            tally.reading += 1
        self._text.append(text)
        tally.deltas += text.count(b" ")
        tally.ages.extend([now - int(sent_at) for sent_at in _SENT_AT.findall(text)])

    def _end(self, fault: str) -> bool:
        tally = self.tally
        tally.reading -= bool(self._text)
        tally.finished += 1
        if fault := fault or fault_of(b"".join(self._text), self._deltas):
            tally.faults.append(fault)
        return True


class Crowd:
    """A `Crowd` holds connections that are open together. It is used in a `with`, at whose end all of them hang up."""

    def __init__(self, door: Door, deltas: int, *, again: bool = False) -> None:
        self.tally = Tally()
        self.again = again
        """This says whether a connection asks again after it was answered."""
        self._door = door
        self._deltas = deltas
        self._epoll = select.epoll()
        self._visitors: dict[int, Visitor] = {}

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for visitor in self._visitors.values():
            visitor.sock.close()
        self._epoll.close()

    def admit(self, numbers: Iterable[int]) -> None:
        """Open connections with these numbers, each of which asks at once."""
        for number in numbers:
            visitor = Visitor(self._door, number, self._deltas, self.tally)
            visitor.ask()
            self._visitors[visitor.sock.fileno()] = visitor
            self._epoll.register(visitor.sock, select.EPOLLIN)

    def attend(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Read for this many seconds, or until `enough` says so, and return whether it did."""
        end = monotonic() + seconds
        while not enough():
            left = end - monotonic()
            if left <= 0:
                return False
            for number, _ in self._epoll.poll(min(left, LOOK)):
                self._read(number)
        return True

    def finish(self, seconds: float) -> None:
        """Read until all answers have ended. A connection whose answer doesn't end within this many seconds is a
        fault."""
        self.again = False
        if not self.attend(seconds, lambda: not self._visitors):
            self.tally.faults += ["no end"] * len(self._visitors)

    def _read(self, number: int) -> None:
        visitor = self._visitors[number]
        try:
            if not visitor.read():
                return
        except ConnectionError:
            self.tally.faults.append("connection reset")
            self._leave(number)
            return
        if self.again and not self.tally.faults:
            visitor.ask()
        else:
            self._leave(number)

    def _leave(self, number: int) -> None:
        visitor = self._visitors.pop(number)
        self._epoll.unregister(visitor.sock)
        visitor.sock.close()
