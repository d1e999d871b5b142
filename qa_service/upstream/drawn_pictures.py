"""This module tells the pictures of one response, each by its number."""

from collections.abc import Iterator

from qa_service.deltas import Drawn
from qa_service.upstream.spool import PictureSpool


class DrawnPictures:
    """A `DrawnPictures` numbers the pictures of one response in the order in which they were begun."""

    def __init__(self, spool: PictureSpool) -> None:
        self._spool = spool
        self._places: list[int] = []
        """These are the places of the pictures in the output."""
        self._finished: set[int] = set()
        """These are the places of the finished pictures."""

    def is_finished(self, place: int) -> bool:
        """Tell whether the picture at this place in the output was told as a finished one."""
        return place in self._finished

    def tell_picture(self, place: int, written: str, *, partial: bool) -> Iterator[Drawn]:
        """Tell of the picture at this place, or of a part of it. Its file is there until the next delta is asked
        for."""
        if place not in self._places:
            self._places.append(place)
        if not partial:
            self._finished.add(place)
        with self._spool.open_picture(written) as path:
            yield Drawn(self._places.index(place), partial, path)
