"""An answer on a terminal: its text on one stream, and on the other, in a line that goes again, what is being done."""

from typing import TextIO

from qa_service.frames import Failure, Frame, Metadata, Reference, StageNotice, Text

ERASE = "\r\x1b[K"


class Terminal:
    """Shows the frames of one answer to a person."""

    def __init__(self, out: TextIO, progress: TextIO) -> None:
        self._out = out
        self._progress = progress
        self._passing = False
        self._sources = 0

    def show(self, frame: Frame) -> None:
        """Print what a person wants to see of it."""
        match frame:
            case Text(content=text):
                self.clear()
                self._out.write(text)
                self._out.flush()
            case StageNotice():
                self._tell(frame)
            case Reference():
                self._out.write(_source(frame) if self._sources else f"\n\n{_source(frame)}")
                self._sources += 1
            case Failure():
                self.clear()
                self._progress.write(f"\n{frame.user_message} ({frame.code}: {frame.message})\n")
            case Metadata():
                self._out.write(("\n" if self._sources else "\n\n") + f"{_summary(frame)}\n")

    def clear(self) -> None:
        """Take the passing line away."""
        if self._passing:
            self._progress.write(ERASE)
            self._progress.flush()
        self._passing = False

    def _tell(self, notice: StageNotice) -> None:
        self.clear()
        # A file's verdict stays; everything else is of the moment, where a moment can be taken back.
        self._passing = notice.stage != "file" and self._progress.isatty()
        self._progress.write(_stage(notice) + ("" if self._passing else "\n"))
        self._progress.flush()


def _stage(notice: StageNotice) -> str:
    match notice.stage:
        case "reading_file":
            return f"reading {notice.name}{_page(notice)}"
        case "file":
            reason = f" ({notice.reason})" if notice.reason else ""
            return f"{notice.name}: {notice.kind}, {notice.pages or 0} pages, {notice.status}{reason}"
        case "searching_web":
            return f"searching the web: {notice.query or '…'}"
        case "retrying":
            return f"asking again ({notice.attempt}): {notice.reason}"
        case stage:
            return f"{stage} …"


def _page(notice: StageNotice) -> str:
    if not notice.page:
        return " …"
    return f": page {notice.page}" + (f" of {notice.pages}" if notice.pages else "")


def _source(reference: Reference) -> str:
    if reference.kind == "url":
        return f"[{reference.n}] {reference.title} <{reference.url}>\n"
    place = f", page {reference.page}" if reference.page else f", {reference.section}" if reference.section else ""
    quote = f"\n    “{' '.join(reference.quote.split())}”" if reference.quote else ""
    return f"[{reference.n}] {reference.file or reference.title}{place}{quote}\n"


def _summary(metadata: Metadata) -> str:
    parts = [metadata.model, f"{metadata.usage.total} tokens", f"{metadata.timing.total_ms / 1000:.1f} s"]
    parts += [] if metadata.cost is None else [f"cost {metadata.cost:g}"]
    return f"— {' · '.join(parts)} · session {metadata.session_id}"
