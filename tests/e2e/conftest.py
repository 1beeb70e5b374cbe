"""A display for every test of a whole program."""

from collections.abc import Iterator

import pytest
from display import Display


@pytest.fixture
def display() -> Iterator[Display]:
    screen = Display()
    yield screen
    screen.stop()
