"""This module shows an answer on a terminal: its text on one stream, and on the other what is being done.

A terminal obeys control characters: they move its cursor, change its title, and make some terminals type by themselves.
So no control character of a model, a file or a website reaches it. Visible signs are shown in their place. The same
goes for characters that turn the direction of what follows, since a terminal shows names and addresses in another order
then, and for the separators of lines and paragraphs, which some terminals obey.
"""

from typing import TextIO

from qa_service.frames import Failure, Frame, Metadata, Reference, StageNotice, Text

ERASE = "\r\x1b[K"
_SIGNS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}  # ESC is shown as ␛.
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SEPARATORS = (0x2028, 0x2029)
_UNKNOWN = dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000), *_TURNING, *_SEPARATORS), "\ufffd")
_VISIBLE = _SIGNS | _UNKNOWN | {ord("\r"): None, ord("\n"): "\n", ord("\t"): "\t"}


def make_printable(text: str) -> str:
    """Put a sign in place of each control character, of each character that turns the direction of writing, and of each
    half of a surrogate pair. Line ends and tabs stay. A carriage return is removed, because text behind it would be
    written over the line."""
    return text if text.isascii() and text.isprintable() else text.translate(_VISIBLE)


class Terminal:
    """A `Terminal` shows the frames of one answer to a person."""

    def __init__(self, out: TextIO, progress: TextIO) -> None:
        self._out = out
        self._progress = progress
        self._passing = False
        self._sources = 0

    def show(self, frame: Frame) -> None:
        """Print what a person wants to see of this frame."""
        match frame:
            case Text(content=text):
                self.clear()
                self._out.write(make_printable(text))
                self._out.flush()
            case StageNotice(sources=None):
                self._tell(frame)
            case Reference():
                self._out.write(_source(frame) if self._sources else f"\n\n{_source(frame)}")
                self._sources += 1
            case Failure():
                self.clear()
                sentence = f"{frame.user_message} ({frame.code}: {frame.message})"
                self._progress.write(f"\n{make_printable(sentence)}\n")
            case Metadata():
                self._out.write(("\n" if self._sources else "\n\n") + f"{_on_one_line(_summary(frame))}\n")

    def clear(self) -> None:
        """Erase the line that says what is being done."""
        if self._passing:
            self._progress.write(ERASE)
            self._progress.flush()
        self._passing = False

    def _tell(self, notice: StageNotice) -> None:
        self.clear()
        # A file's verdict stays. Everything else is erased when the next line comes, where the terminal can do that.
        self._passing = notice.stage != "file" and self._progress.isatty()
        self._progress.write(_on_one_line(_stage(notice)) + ("" if self._passing else "\n"))
        self._progress.flush()


def _on_one_line(text: str) -> str:
    return make_printable(" ".join(text.split()))


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
        return _on_one_line(f"[{reference.n}] {reference.title} <{reference.url}>") + "\n"
    place = f", page {reference.page}" if reference.page else f", {reference.section}" if reference.section else ""
    quote = f"\n    {_on_one_line(f'“{reference.quote}”')}" if reference.quote else ""
    return _on_one_line(f"[{reference.n}] {reference.file or reference.title}{place}") + quote + "\n"


def _summary(metadata: Metadata) -> str:
    parts = [metadata.model, f"{metadata.usage.total} tokens", f"{metadata.timing.total_ms / 1000:.1f} s"]
    parts += [] if metadata.cost is None else [f"cost {metadata.cost:g}"]
    return f"— {' · '.join(parts)} · session {metadata.session_id}"
