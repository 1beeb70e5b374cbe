"""Dragging a series from the Study dock into a view."""

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QDrag, QPixmap
from PySide6.QtWidgets import QWidget

from tumorview.core.study import Series, Study

MIME = "application/x-tumorview-series"


def series_data(series: Series) -> QMimeData:
    """What is dragged: the series by its uid, which means something in this window only."""
    data = QMimeData()
    data.setData(MIME, series.uid.encode())
    return data


def dragged_series(data: QMimeData, study: Study | None) -> Series | None:
    """The series of ``study`` that ``data`` carries; None for anything else."""
    if study is None or not data.hasFormat(MIME):
        return None
    uid = bytes(data.data(MIME).data()).decode(errors="replace")
    return next((series for series in study.series if series.uid == uid), None)


def drag_series(source: QWidget, series: Series, picture: QPixmap) -> None:
    """Let the hand drag ``series`` away from ``source``; returns when it was let go."""
    drag = QDrag(source)
    drag.setMimeData(series_data(series))
    drag.setPixmap(picture)
    drag.setHotSpot(QPoint(picture.width() // 2, picture.height() // 2))
    drag.exec(Qt.DropAction.CopyAction)
