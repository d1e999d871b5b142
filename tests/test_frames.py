"""These tests show what the frames of an answer add up to."""

from qa_service.frames import Image, Restart, Text, images_from_frames, text_from_frames


def image(index: int, *, partial: bool = False, version: int = 0) -> Image:
    return Image(index, partial, "image/png", f"answers/a/images/{index}?version={version}")


def test_the_text_is_what_came_after_the_last_restart() -> None:
    assert text_from_frames([Text("a"), Restart("lost"), Text("b"), image(0), Text("c")]) == "bc"


def test_each_picture_counts_as_it_was_finished_last() -> None:
    frames = [image(1, partial=True), image(1), image(0), image(1, version=3), image(2, partial=True)]
    assert images_from_frames(frames) == (image(1, version=3), image(0))


def test_pictures_before_a_restart_do_not_count() -> None:
    assert images_from_frames([image(0), Restart("lost"), Text("a"), image(1)]) == (image(1),)
