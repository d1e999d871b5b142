"""Ask a question with files over HTTP and get a cited answer streamed: the backend for a website or a mobile app."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qa_service.assembly import Assembly, assemble
    from qa_service.errors import QAError
    from qa_service.interfaces import DriftDetector, FileReader, MediaSearch, Observer, Stop, Upstream
    from qa_service.search_interfaces import Retriever
    from qa_service.settings import Settings, SettingsError
    from qa_service.web.app import create_app
    from qa_service.web.extension import QAService

__all__ = [
    "Assembly",
    "DriftDetector",
    "FileReader",
    "MediaSearch",
    "Observer",
    "QAError",
    "QAService",
    "Retriever",
    "Settings",
    "SettingsError",
    "Stop",
    "Upstream",
    "assemble",
    "create_app",
]

_HOMES = {
    "Assembly": "assembly",
    "DriftDetector": "interfaces",
    "FileReader": "interfaces",
    "MediaSearch": "interfaces",
    "Observer": "interfaces",
    "QAError": "errors",
    "QAService": "web.extension",
    "Retriever": "search_interfaces",
    "Settings": "settings",
    "SettingsError": "settings",
    "Stop": "interfaces",
    "Upstream": "interfaces",
    "assemble": "assembly",
    "create_app": "web.app",
}


def __getattr__(name: str) -> object:
    # A name is imported on its first use, because the processes that read files and keep the store import a part of
    # this package, and Flask and the SDK would cost each of them half a second and 60 MB.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
