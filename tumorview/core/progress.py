"""How long work tells where it is and learns that it should stop."""


class Progress:
    """Handed to every long function; this one listens to nobody and never cancels."""

    def report(self, fraction: float, text: str = "") -> None:
        """Say that ``fraction`` (0..1) of the work is done."""

    def check(self) -> None:
        """Raise JobCancelled when the user asked to stop; call it at least five times a second."""

    def part(self, fraction: float, end: float) -> "Progress":
        """A Progress whose 0..1 is the range ``fraction``..``end`` of this one."""
        return _Part(self, fraction, end)


class _Part(Progress):
    def __init__(self, whole: Progress, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def report(self, fraction: float, text: str = "") -> None:
        self._whole.report(self._start + fraction * (self._end - self._start), text)

    def check(self) -> None:
        self._whole.check()
