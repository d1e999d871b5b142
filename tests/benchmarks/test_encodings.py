"""The encoding of a text is found as often as is said of it."""

import pytest

from benchmarks.encodings import cut_pieces, measure_detector
from qa_service.files.decoding import decode_file_text


@pytest.mark.parametrize(("length", "least"), [(8, 0.94), (32, 0.99)])
def test_encodings_of_short_texts_are_found(length: int, least: float) -> None:
    shares, _ = measure_detector(decode_file_text, list(cut_pieces(length)))

    assert sum(shares.values()) / len(shares) >= least
    assert {share for name, share in shares.items() if name.startswith("ko ")} == {1.0}
