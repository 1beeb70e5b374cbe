"""Plays the slices of a view as a film."""

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from tumorview.gui.views.slice_view import SliceView

RATES = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 30.0)  # slices a second
STANDARD_RATE = 8.0


class Cine(QObject):
    """Steps through ``view``, from the last slice back to the first; stops when the hand takes over or paints."""

    playing_changed = Signal(bool)
    rate_changed = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rate = STANDARD_RATE
        self.view: SliceView | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._step)

    @property
    def playing(self) -> bool:
        """Whether it runs."""
        return self._timer.isActive()

    def play(self, view: SliceView) -> None:
        """Run through the slices of ``view``."""
        self.stop()
        if view.plane_view is None or view.plane_view.count < 2:
            return
        self.view = view
        view.touched.connect(self.stop)
        self._timer.start(round(1000.0 / self.rate))
        self.playing_changed.emit(True)

    def stop(self) -> None:
        """Stay on the slice that is shown."""
        view, self.view = self.view, None
        if view is not None:
            view.touched.disconnect(self.stop)
            self._timer.stop()
            self.playing_changed.emit(False)

    def set_rate(self, rate: float) -> None:
        """Show so many slices a second."""
        self.rate = min(max(rate, RATES[0]), RATES[-1])
        self._timer.setInterval(round(1000.0 / self.rate))
        self.rate_changed.emit(self.rate)

    def change_rate(self, step: int) -> None:
        """The next faster (1) or slower (-1) rate."""
        nearest = min(range(len(RATES)), key=lambda number: abs(RATES[number] - self.rate))
        self.set_rate(RATES[min(max(nearest + step, 0), len(RATES) - 1)])

    def _step(self) -> None:
        view = self.view
        if view is None or view.plane_view is None or not view.isVisible() or view.session.painting:
            self.stop()
            return
        view.show_slice((view.current_index + 1) % view.plane_view.count)
