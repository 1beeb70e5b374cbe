"""Views of one plane of the patient show it at one magnification, whatever their grids."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer

from tumorview.app.reading import Reading
from tumorview.core.study import same_place
from tumorview.gui.views.slice_view import SliceView


class FramingLinks(QObject):
    """Zooms and pans, in millimetres, the shown views on the same plane with the one that the hand moves."""

    def __init__(self, reading: Reading, shown: Callable[[], Sequence[SliceView]], parent: QObject) -> None:
        super().__init__(parent)
        self._reading, self._shown = reading, shown
        self._view: SliceView | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._fit)

    def linked_to(self, view: SliceView) -> list[SliceView]:
        """The other views on the plane of ``view`` whose place in the patient is known relative to it."""
        series = view.series
        if series is None or not self._reading.linked:
            return []
        return [
            other
            for other in self._shown()
            if other is not view
            and other.plane is view.plane
            and other.series is not None
            and same_place(series, other.series)
        ]

    def framed(self, view: SliceView) -> None:
        """The hand zoomed, panned or fitted ``view``: the others show the same part of the patient.

        Fitted views take the largest magnification at which all of them show their slices whole.
        """
        linked, middle = self.linked_to(view), view.middle
        if not linked or middle is None:
            return
        scale = view.viewport.scale
        if view.viewport.fitted:
            for one in linked:
                one.viewport.reset()
            scale = min(one.viewport.scale / _size(one, view) for one in (view, *linked))
        for one in (view, *linked):
            one.frame(middle, scale * _size(one, view))

    def fit_soon(self, view: SliceView) -> None:
        """Sizes or series changed: the others follow ``view``, once Qt has laid all of them out."""
        self._view = view
        self._soon.start()

    def _fit(self) -> None:
        if self._view is not None:
            self.framed(self._view)


def _size(one: SliceView, other: SliceView) -> float:
    """How much larger the first view is: a view of half the size shows the same field of view at half the scale."""
    return min(one.width() / max(other.width(), 1), one.height() / max(other.height(), 1))
