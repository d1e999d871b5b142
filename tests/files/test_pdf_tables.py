"""Tables of a PDF are found by the places of their cells."""

from collections.abc import Sequence

from qa_service.files.pdf_columns import order_pieces
from qa_service.files.pdf_joints import Vocabulary
from qa_service.files.pdf_lines import Piece
from qa_service.files.pdf_paragraphs import write_blocks

WIDTH = 5.0
"""A letter is this wide."""


def piece(text: str, left: float, base: float) -> Piece:
    return Piece(text, left, left + WIDTH * len(text), base, height=10.0, order=round(2_000 - base + left / 1_000))


def written(rows: Sequence[tuple[float, Sequence[tuple[float, str]]]]) -> list[str]:
    pieces = [piece(text, left, base) for base, cells in rows for left, text in cells]
    return write_blocks(order_pieces(pieces), Vocabulary()).splitlines()


def test_each_row_has_the_names_of_its_columns() -> None:
    rows = [
        (700.0, [(50.0, "Depot"), (150.0, "Opening fee"), (300.0, "Manager")]),
        (680.0, [(50.0, "Nord"), (170.0, "14 EUR"), (300.0, "Kim")]),
        (660.0, [(50.0, "South"), (165.0, "1055 EUR")]),
        (640.0, [(50.0, "West"), (170.0, "20 EUR"), (300.0, "Park")]),
    ]

    assert written(rows)[1:] == [
        "Depot: Nord | Opening fee: 14 EUR | Manager: Kim",
        "Depot: South | Opening fee: 1055 EUR",
        "Depot: West | Opening fee: 20 EUR | Manager: Park",
    ]


def test_the_lines_of_a_cell_are_one_row() -> None:
    rows = [
        (700.0, [(50.0, "Part"), (150.0, "What for"), (400.0, "Price")]),
        (680.0, [(50.0, "Pump"), (150.0, "It lifts the water of the well"), (400.0, "12")]),
        (668.0, [(150.0, "into the tank on the roof.")]),
        (648.0, [(50.0, "Valve"), (150.0, "It closes the pipe."), (400.0, "3")]),
    ]

    assert (
        written(rows)[1]
        == "Part: Pump | What for: It lifts the water of the well into the tank on the roof. | Price: 12"
    )


def test_rows_without_names_get_none() -> None:
    rows = [(700.0 - 20 * n, [(50.0, f"Name {n}:"), (150.0, f"Value {n}")]) for n in range(4)]

    assert written(rows) == [f"Name {n}: | Value {n}" for n in range(4)]


def test_prose_between_tables_is_in_neither() -> None:
    table = [(50.0, "Depot"), (150.0, "Fee")], [(50.0, "Nord"), (150.0, "14")], [(50.0, "West"), (150.0, "20")]
    above = [(700.0 - 16 * n, cells) for n, cells in enumerate(table)]
    below = [(600.0 - 16 * n, cells) for n, cells in enumerate(table)]

    lines = written([*above, (640.0, [(50.0, "The next table has the fees of another year.")]), *below])

    assert lines.count("Depot: West | Fee: 20") == 2
    assert "The next table has the fees of another year." in lines
