"""This module reads files of every kind, first outside of the sandbox and then inside, and prints the name of each that
is read otherwise there."""

from contextlib import suppress

from qa_service.files.child import load_all
from qa_service.files.reading import read_file
from qa_service.files.report import FileReport
from qa_service.files.sandbox import close_sandbox, enter_layers
from qa_service.model import UploadedFile
from tests.files.opened import files


def read(name: str, content: bytes) -> list[FileReport]:
    """Return all that is told of the file, until it ends or a parser trips over it."""
    reports = list[FileReport]()
    with suppress(ValueError, SyntaxError):
        reports.extend(read_file(UploadedFile(name, "", len(content)), content))
    return reports


if __name__ == "__main__":
    contents = files()
    load_all()
    outside = {name: read(name, content) for name, content in contents.items()}
    enter_layers(memory=1 << 30)
    close_sandbox()
    print([name for name, content in contents.items() if read(name, content) != outside[name]])
