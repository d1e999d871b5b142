"""An answer's log in memory: one writes, many read and wait."""

import threading

from qa_service.model import Text
from qa_service.running import MemoryLog
from tests.fakes import WAITING_SECONDS


class TestMemoryLog:
    def test_positions_count_from_one(self) -> None:
        log = MemoryLog()
        log.append(Text("a"))
        log.append(Text("b"))
        assert log.read(0) == [(1, Text("a")), (2, Text("b"))]
        assert log.read(1) == [(2, Text("b"))]
        assert log.read(7) == []

    def test_waiting_ends_with_the_next_frame(self) -> None:
        log = MemoryLog()
        threading.Timer(0.02, log.append, [Text("a")]).start()
        assert log.wait(0, WAITING_SECONDS)

    def test_waiting_ends_in_time_without_one(self) -> None:
        assert not MemoryLog().wait(0, 0.01)

    def test_waiting_ends_at_once_where_there_is_one(self) -> None:
        log = MemoryLog()
        log.append(Text("a"))
        assert log.wait(0, WAITING_SECONDS)

    def test_waiting_ends_when_it_is_closed(self) -> None:
        log = MemoryLog()
        threading.Timer(0.02, log.close).start()
        assert not log.wait(0, WAITING_SECONDS)
        assert not log.wait(0, WAITING_SECONDS)

    def test_a_reader_that_gives_up_never_disturbs_the_writer(self) -> None:
        """Readers that wait for almost nothing come and go while frames are appended."""
        log, over = MemoryLog(), threading.Event()

        def come_and_go() -> None:
            while not over.is_set():
                log.wait(len(log.read(0)), 1e-6)

        readers = [threading.Thread(target=come_and_go) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(300):
            log.append(Text(str(number)))
        over.set()
        for reader in readers:
            reader.join()
        assert log.text() == "".join(map(str, range(300)))
