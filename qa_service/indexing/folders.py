"""This module brings the files of a folder into the knowledge base, and follows what has changed in it."""

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from unicodedata import normalize

from msgspec import Struct

from qa_service.files.decoding import decode_file_text
from qa_service.files.sniffing import sniff_kind
from qa_service.indexing.steps import IndexStep
from qa_service.knowledge.documents import CollectionKey, DocumentSource, NewDocument
from qa_service.knowledge.library import Library

_LONGEST_NAME = 2_000
"""The name of a document has at most this many bytes, since the database has an index of names."""

ASSETS = (".css", ".js", ".mjs", ".cjs", ".map")
"""The names of a website's style sheets and scripts end in one of these. Nobody asks for what is in them."""


class FolderRules(Struct, frozen=True):
    """A `FolderRules` says which files of a folder are brought: those whose paths within the folder fit a pattern of
    `include`, and none of `exclude`. Without `include`, every file fits except style sheets and scripts of websites.
    No file may have more than `bytes`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    bytes: int = 15 << 20

    def takes_path(self, path: str) -> bool:
        """Tell whether a file with this path within the folder is brought."""
        if self.include:
            included = any(fnmatchcase(path, pattern) for pattern in self.include)
        else:
            included = not path.lower().endswith(ASSETS)
        return included and not any(fnmatchcase(path, pattern) for pattern in self.exclude)


def list_folder(root: Path, rules: FolderRules) -> Iterator[tuple[str, Path]]:
    """Give the path within a folder, and the path, of each file below it, in the order of their names.

    Hidden files and folders are left out. So are links, since one may lead out of the folder, or round in a circle.
    """
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            within = "/".join(map(_read_name, path.relative_to(root).parts))
            is_shown = not name.startswith(".") and not path.is_symlink() and path.is_file()
            if is_shown and rules.takes_path(within):
                yield within, path


def _read_name(name: str) -> str:
    """Return the name of a file or folder as text. In what was packed on an older system, it may be in EUC-KR."""
    try:
        name.encode()
    except UnicodeEncodeError:  # Python has put halves of surrogate pairs for the bytes that it can't decode.
        name = decode_file_text(os.fsencode(name))
    return normalize("NFC", name)


class FolderSource:
    """A `FolderSource` brings one folder, or one file, into a collection. `name` is what the folder is called there, if
    not by its own name.

    Each document keeps which folder it was brought from, because another folder may have the same name. A folder is
    known by its machine and its path there, or by the name that somebody has chosen for it, wherever it lies then.
    """

    def __init__(self, library: Library, collection: CollectionKey, rules: FolderRules, name: str = "") -> None:
        self._library = library
        self._collection = collection
        self._rules = rules
        self._name = name

    def bring_files(self, root: Path) -> Iterator[IndexStep]:
        """Let each file be read that is new or has changed since it was brought, and give what became of each."""
        known = self._library.load_sources(self._collection)
        if root.is_file():
            name = _read_name(root.name)
            yield self._bring_file(name, root, known.get(name), "")
            return
        name, source = self._name or _read_name(root.resolve().name), self._identify(root)
        seen: set[str] = set()
        for within, path in list_folder(root, self._rules):
            full = f"{name}/{within}"
            seen.add(full)
            found = known.get(full)
            if found and _is_of_another(found.source, source):
                yield IndexStep(full, "failed", f"the folder {found.source} has it too: choose another --name")
            else:
                yield self._bring_file(full, path, found, source)
        yield from self._remove_others(f"{name}/", source, seen, known)

    def _identify(self, root: Path) -> str:
        return f":{self._name}" if self._name else f"{gethostname()}:{_read_name(str(root.resolve()))}"

    def _bring_file(self, name: str, path: Path, known: DocumentSource | None, source: str) -> IndexStep:
        if len(name.encode(errors="replace")) > _LONGEST_NAME:
            return IndexStep(name, "failed", "name_too_long")
        try:
            if path.stat().st_size > self._rules.bytes:
                return IndexStep(name, "failed", "too_large")
            content = path.read_bytes()
        except OSError:
            return IndexStep(name, "failed", "unreadable")
        is_same = known is not None and known.digest == sha256(content).digest()
        if known and is_same and known.source == source:
            return IndexStep(name, "unchanged", document_id=known.document_id)
        if not is_same and sniff_kind(content, name) == "unknown":
            return IndexStep(name, "skipped", "unsupported")
        document, is_new = self._library.add_document(NewDocument(self._collection, name, source=source), content)
        return IndexStep(name, "waiting" if is_new else "unchanged", document_id=document.document_id)

    def _remove_others(
        self, prefix: str, source: str, seen: set[str], known: Mapping[str, DocumentSource]
    ) -> Iterator[IndexStep]:
        """Remove the documents of this folder whose files are gone from it. What somebody has uploaded stays."""
        for name, found in known.items():
            is_ours = bool(found.source) and not _is_of_another(found.source, source)
            if name.startswith(prefix) and name not in seen and is_ours:
                self._library.remove_document(found.document_id, [self._collection.owner])
                yield IndexStep(name, "removed")


def _is_of_another(found: str, source: str) -> bool:
    """Tell whether a document was brought from another folder than this one. A folder that isn't on this machine any
    more was moved, or replaced by this one."""
    host, _, path = found.partition(":")
    return bool(found) and found != source and not (host == gethostname() and not Path(path).exists())
