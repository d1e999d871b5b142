"""This module brings the files of a folder into the knowledge base, and follows what has changed in it."""

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

from msgspec import Struct

from qa_service.files.decoding import decode_file_text
from qa_service.files.sniffing import sniff_kind
from qa_service.indexing.steps import IndexStep
from qa_service.knowledge.documents import CollectionKey, NewDocument
from qa_service.knowledge.library import Library

LONGEST_NAME = 2_000
"""The name of a document has at most so many bytes, since the database has an index of names."""


class FolderRules(Struct, frozen=True):
    """A `FolderRules` says which files of a folder are brought: those whose paths within the folder fit a pattern of
    `include`, if there are any, and none of `exclude`. No file may have more than `bytes`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    bytes: int = 15 << 20

    def takes_path(self, path: str) -> bool:
        """Tell whether a file with this path within the folder is brought."""
        included = not self.include or any(fnmatchcase(path, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(path, pattern) for pattern in self.exclude)


def list_folder(root: Path, rules: FolderRules) -> Iterator[tuple[str, Path]]:
    """Give the name and the path of each file below a folder, in the order of their names. A name begins with that of
    the folder.

    Hidden files and folders are left out. So are links, since one may lead out of the folder, or round in a circle.
    """
    base = _read_name(root.resolve().name)
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            within = "/".join(map(_read_name, path.relative_to(root).parts))
            is_shown = not name.startswith(".") and not path.is_symlink() and path.is_file()
            if is_shown and rules.takes_path(within):
                yield f"{base}/{within}", path


def _read_name(name: str) -> str:
    """Return the name of a file or folder as text. In what was packed on an older system, it may be in EUC-KR."""
    try:
        name.encode()
    except UnicodeEncodeError:  # Python has put halves of surrogate pairs for the bytes that it can't decode
        name = decode_file_text(os.fsencode(name))
    return normalize("NFC", name)


class FolderSource:
    """A `FolderSource` brings one folder, or one file, into a collection."""

    def __init__(self, library: Library, collection: CollectionKey, rules: FolderRules) -> None:
        self._library = library
        self._collection = collection
        self._rules = rules

    def bring_files(self, root: Path) -> Iterator[IndexStep]:
        """Let each file be read that is new or has changed since it was brought, and give what became of each."""
        known = self._library.load_hashes(self._collection)
        seen: set[str] = set()
        files = [(_read_name(root.name), root)] if root.is_file() else list_folder(root, self._rules)
        for name, path in files:
            seen.add(name)
            yield self._bring_file(name, path, known)
        if not root.is_file():
            yield from self._remove_others(f"{_read_name(root.resolve().name)}/", seen, known)

    def _bring_file(self, name: str, path: Path, known: Mapping[str, tuple[str, bytes]]) -> IndexStep:
        if len(name.encode(errors="replace")) > LONGEST_NAME:
            return IndexStep(name, "failed", "name_too_long")
        try:
            if path.stat().st_size > self._rules.bytes:
                return IndexStep(name, "failed", "too_large")
            content = path.read_bytes()
        except OSError:
            return IndexStep(name, "failed", "unreadable")
        document_id, digest = known.get(name, ("", b""))
        if digest == sha256(content).digest():
            return IndexStep(name, "unchanged", document_id=document_id)
        if sniff_kind(content, name) == "unknown":
            return IndexStep(name, "skipped", "unsupported")
        document, _ = self._library.add_document(NewDocument(self._collection, name), content)
        return IndexStep(name, "waiting", document_id=document.document_id)

    def _remove_others(
        self, prefix: str, seen: set[str], known: Mapping[str, tuple[str, bytes]]
    ) -> Iterator[IndexStep]:
        """Remove the documents whose files are gone from the folder."""
        for name, (document_id, _) in known.items():
            if name.startswith(prefix) and name not in seen:
                self._library.remove_document(document_id, [self._collection.owner])
                yield IndexStep(name, "removed")
