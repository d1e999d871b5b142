"""This module computes with the vectors of an `Encoder`. It needs numpy, which comes with the extra `semantic`, and
imports it when the first vector comes."""

from collections.abc import Mapping, Sequence

_TYPE = "<f2"


def mix_vectors(weighted: Sequence[tuple[bytes, float]]) -> bytes:
    """Return the sum of vectors, each multiplied by its weight, with length 1."""
    import numpy

    matrix = numpy.frombuffer(b"".join(vector for vector, _ in weighted), _TYPE).reshape(len(weighted), -1)
    total = numpy.array([weight for _, weight in weighted]) @ matrix.astype(numpy.float64)
    length = float(numpy.linalg.norm(total)) or 1.0
    return bytes((total / length).astype(_TYPE).tobytes())


def multiply_vectors(vector: bytes, others: Mapping[int, bytes]) -> dict[int, float]:
    """Return the product of a vector with each of the others, by their numbers. Others of another size are left
    out."""
    import numpy

    same = {number: other for number, other in others.items() if len(other) == len(vector)}
    if not same:
        return {}
    matrix = numpy.frombuffer(b"".join(same.values()), _TYPE).astype(numpy.float32).reshape(len(same), -1)
    products = matrix @ numpy.frombuffer(vector, _TYPE).astype(numpy.float32)
    return dict(zip(same, products.tolist(), strict=True))
