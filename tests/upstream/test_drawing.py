"""A prompt for pictures, as the Responses API is asked for them and as it answers."""

from pathlib import Path

import pytest

from qa_service.deltas import Drawing, Drawn, Finished
from qa_service.model import Message, Prompt
from qa_service.upstream.drawing import DrawingReader, drawing_parameters
from tests.scripted_upstream import RECORDINGS, event

PROMPT = Prompt("gpt-4.1", (Message("user", "고양이"),), "고양이")
RECORDED = (RECORDINGS / "03_image_generation.sse").read_bytes()


def test_the_model_must_draw_one_png_with_three_parts() -> None:
    asked = drawing_parameters(PROMPT, size="1536x1024", quality="low")
    (tool,) = asked["tools"]
    assert tool == {
        "type": "image_generation",
        "output_format": "png",
        "size": "1536x1024",
        "quality": "low",
        "partial_images": 3,
    }
    assert (asked["model"], asked["input"]) == ("gpt-4.1", [{"role": "user", "content": "고양이"}])
    assert asked["tool_choice"] == {"type": "image_generation"}
    assert (asked["stream"], asked["store"]) == (True, False)
    assert "safety_identifier" not in asked


@pytest.mark.parametrize("size", [7, 1_000, len(RECORDED)])
def test_the_usage_is_told_as_upstream_wrote_it(tmp_path: Path, size: int) -> None:
    reader = DrawingReader(spool=str(tmp_path))
    pieces = [RECORDED[start : start + size] for start in range(0, len(RECORDED), size)]
    told = [delta for delta in reader.read_deltas(pieces) if isinstance(delta, Drawing | Drawn | Finished)]
    assert [delta.partial for delta in told if isinstance(delta, Drawn)] == [True, True, True, False]
    finished = told[-1]
    assert isinstance(finished, Finished)
    assert finished.usage_as_told
    assert finished.usage_as_told in RECORDED


@pytest.mark.parametrize("response", [{"status": "completed"}, {"status": "completed", "usage": None}])
def test_a_usage_that_was_not_told_is_none(tmp_path: Path, response: dict[str, object]) -> None:
    (finished,) = DrawingReader(spool=str(tmp_path)).read_deltas([event("response.completed", response=response)])
    assert isinstance(finished, Finished)
    assert finished.usage_as_told in (b"", b"null")
