"""This module has the line of workers whose answers wait for a word of the test."""

import pytest

from tests.lives import Waiting


@pytest.fixture
def line() -> Waiting:
    return Waiting()
