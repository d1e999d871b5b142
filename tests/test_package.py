"""These tests show what the package offers to who imports it, and what importing it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import qa_service
from qa_service import errors
from qa_service.errors import QAError
from qa_service.language.phrases import build_failure, phrase_error

PACKAGE = Path(qa_service.__file__).parent


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after it."""
    script = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


class TestNames:
    def test_they_are_sorted_and_all_there(self) -> None:
        assert qa_service.__all__ == sorted(qa_service.__all__)
        assert [name for name in qa_service.__all__ if not hasattr(qa_service, name)] == []

    def test_they_are_what_they_say(self) -> None:
        named = [getattr(qa_service, name).__name__ for name in qa_service.__all__]
        assert named == qa_service.__all__

    def test_another_one_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
            _ = qa_service.Nothing


class TestImporting:
    def test_the_package_alone_loads_neither_flask_nor_the_sdk(self) -> None:
        assert not {"flask", "openai", "redis", "gevent"} & loaded_by("import qa_service")

    def test_nothing_of_it_loads_gevent(self) -> None:
        assert "gevent" not in loaded_by("import qa_service; qa_service.create_app; import qa_service.console")

    def test_a_command_line_that_becomes_a_server_loads_neither_flask_nor_the_sdk(self) -> None:
        assert not {"flask", "openai", "redis"} & loaded_by("import qa_service.cli")

    def test_a_service_without_a_model_loads_no_sdk(self) -> None:
        assert "openai" not in loaded_by("import qa_service.web.app")

    def test_a_process_that_reads_files_loads_no_web(self) -> None:
        assert not {"flask", "openai", "redis"} & loaded_by("import qa_service.files.child")


def test_few_modules_read_the_environment() -> None:
    texts = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    reading = {path for path, text in texts.items() if "os.environ" in text or "getenv" in text}
    assert reading == {"settings.py", "system_variables.py", "cli.py", "metrics.py", "private/server.py"}


ERRORS = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, QAError)]


def made(error: type[QAError]) -> QAError:
    known: dict[type[QAError], dict[str, str]] = {
        errors.Busy: {"answer_id": "a1"},
        errors.Unreadable: {"reason": "damaged"},
    }
    return error(**known.get(error, {}))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
class TestErrors:
    def test_each_has_a_status_and_a_sentence_in_both_languages(self, error: type[QAError]) -> None:
        assert 400 <= made(error).status <= 599
        sentences = [phrase_error(made(error).code, language) for language in ("ko", "en")]
        assert sentences[0] != sentences[1]
        assert all(sentences)

    def test_each_becomes_a_frame_that_says_the_same(self, error: type[QAError]) -> None:
        frame = build_failure(made(error), "en")
        assert (frame.code, frame.status, frame.retryable) == (error.code, made(error).status, error.retryable)
        assert frame.message
