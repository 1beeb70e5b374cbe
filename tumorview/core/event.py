"""A tiny typed observer: what signals are inside ``gui``, events are everywhere else."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Event(Generic[T]):
    """A list of listeners called in order, on the caller's thread, with one value."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[T], object]] = []

    def connect(self, listener: Callable[[T], object]) -> Callable[[], None]:
        """Add ``listener`` and return a function that removes it again."""
        self._listeners.append(listener)
        return lambda: self.disconnect(listener)

    def disconnect(self, listener: Callable[[T], object]) -> None:
        """Remove ``listener``; one that is not connected is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, value: T) -> None:
        """Call every listener with ``value``."""
        for listener in tuple(self._listeners):
            listener(value)
