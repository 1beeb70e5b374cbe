"""The series of the open study as a film strip: thumbnail, role and geometry; a click shows the series."""

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from tumorview.app.session import Session
from tumorview.core.contrast import auto_window
from tumorview.core.geometry import Geometry
from tumorview.core.passport import badge_of, doubt_of
from tumorview.core.rendering import grey
from tumorview.core.slicing import PlaneView, acquisition_plane
from tumorview.core.study import Role, Series, Study
from tumorview.gui import icons, theme
from tumorview.gui.docks.notes import Notes
from tumorview.gui.keys import KeyGuard
from tumorview.gui.views.series_drag import drag_series
from tumorview.gui.widgets import ComboBox, ElidedLabel, named

THUMBNAIL = 112
ROLE_TITLES = {
    Role.FLAIR: "FLAIR",
    Role.T1: "T1",
    Role.T1CE: "T1 contrast",
    Role.T2: "T2",
    Role.OTHER: "Other",
}


def thumbnail(series: Series, size: int) -> QImage:
    """The middle slice of a series, fitted into a square of ``size`` pixels with its true aspect."""
    geometry = series.volume.geometry
    view = PlaneView.of(geometry, acquisition_plane(geometry))
    pixels = view.extract(series.volume.data, view.count // 2)
    window = series.window or auto_window(pixels[None])
    levels = grey(pixels, window, inverted=series.inverted)
    height, width = levels.shape
    image = QImage(levels.data, width, height, width, QImage.Format.Format_Grayscale8).copy()
    row_mm, column_mm = view.pixel_spacing
    scale = size / max(height * row_mm, width * column_mm)
    return image.scaled(
        max(1, round(width * column_mm * scale)),
        max(1, round(height * row_mm * scale)),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def geometry_lines(geometry: Geometry) -> tuple[str, str]:
    """Size and spacing of a grid in two short lines; the second is empty where there is none."""
    k, j, i = geometry.shape
    size = f"{i}×{j}×{k}"
    if not geometry.calibrated:
        return size, ""
    values = [f"{mm:.2f}".rstrip("0").rstrip(".") for mm in reversed(geometry.spacing)]
    return size, "×".join(values) + " mm"


class Thumbnail(QWidget):
    """The picture of a series; a click or Enter chooses it, a drag takes it into a view."""

    clicked = Signal()
    dragged = Signal(object)  # QPixmap
    menu_requested = Signal(QPoint)  # global

    def __init__(self, series: Series, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series = series
        self._pixmap: QPixmap | None = None
        self._pressed: QPoint | None = None
        self.active = False
        self.setFixedHeight(THUMBNAIL)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_active(self, active: bool) -> None:
        """Mark it as the series that is shown."""
        self.active = active
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The middle slice on black, framed in the accent while active."""
        ratio = self.devicePixelRatioF()
        if self._pixmap is None:  # drawn when it is first seen, so that a long list costs nothing
            self._pixmap = QPixmap.fromImage(thumbnail(self._series, round((THUMBNAIL - 4) * ratio)))
            self._pixmap.setDevicePixelRatio(ratio)
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        size = self._pixmap.deviceIndependentSize()
        painter.drawPixmap(
            round((self.width() - size.width()) / 2), round((self.height() - size.height()) / 2), self._pixmap
        )
        c = theme.colours()
        if self.active or self.hasFocus():
            painter.setPen(QPen(QColor(c.accent if self.active else c.accent_hover), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the series once the pointer has gone far enough."""
        if self._pressed is None or self._pixmap is None:
            return
        way = event.position().toPoint() - self._pressed
        if way.manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            self.dragged.emit(self._pixmap)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the series."""
        if event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            self._pressed = None
            self.clicked.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask where to show the series."""
        self.menu_requested.emit(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the series with the keyboard."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that it is gone."""
        super().focusOutEvent(event)
        self.update()


class GeometryBadge(QToolButton):
    """The plane of a series and how oblique it is, amber where its place is in doubt; a click opens its passport."""

    def __init__(self, series: Series, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        geometry, doubt = series.volume.geometry, doubt_of(series)
        certain = geometry.calibrated and not doubt and not series.irregular
        named_place = badge_of(geometry).replace(" oblique", "")  # the passport has the word; here the room is narrow
        self.setText("In doubt" if doubt and geometry.oriented else named_place)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIcon(icons.icon("geometry", theme.colours().text_dim if certain else theme.colours().amber))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumHeight(theme.TARGET)
        tip = doubt or series.irregular or "Where its place in the patient comes from"
        named(self, "geometry_badge", f"Geometry of {title}: {self.text()}", f"Geometry passport: {tip}")


class SeriesCard(QWidget):
    """One series: picture, role to correct, description and geometry."""

    chosen = Signal(object)  # Series
    role_chosen = Signal(object)  # (Series, Role)
    menu_requested = Signal(object, QPoint)  # Series, global place
    passport_asked = Signal(object, object)  # Series, the widget that was clicked

    def __init__(self, series: Series, role: Role, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.series = series
        self.thumbnail = Thumbnail(series)
        self.thumbnail.clicked.connect(lambda: self.chosen.emit(series))
        self.thumbnail.dragged.connect(lambda picture: drag_series(self.thumbnail, series, picture))
        self.thumbnail.menu_requested.connect(lambda place: self.menu_requested.emit(series, place))
        title = series.description or ROLE_TITLES[role]
        named(self.thumbnail, "series_thumbnail", f"Show series {title}", f"Show {title}; drag it into a view")
        self.role = ComboBox()
        for value, text in ROLE_TITLES.items():
            self.role.addItem(text, value)
        self.role.select(role)
        named(
            self.role, "series_role", f"Role of {title}", "Which sequence this is; the network needs FLAIR, T1 and T1CE"
        )
        self.role.activated.connect(self._report_role)
        size, spacing = geometry_lines(series.volume.geometry)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.thumbnail)
        layout.addWidget(self.role)
        told = ROLE_TITLES[role].split()[0].casefold()
        if series.description and not series.description.casefold().startswith(told):
            layout.addWidget(ElidedLabel(series.description))
        for text in filter(None, (size, spacing)):
            line = ElidedLabel(text, None)
            line.setProperty("dim", True)
            line.setToolTip(series.volume.geometry.describe())
            theme.tabular(line)
            theme.scaled(line, 0.92)
            layout.addWidget(line)
        self.badge = GeometryBadge(series, title)
        self.badge.clicked.connect(lambda: self.passport_asked.emit(series, self.badge))
        layout.addWidget(self.badge)
        self.notes = Notes()
        self.notes.show_notes(series.warnings)
        layout.addWidget(self.notes)

    def set_active(self, active: bool) -> None:
        """Mark it as the series that is shown."""
        self.thumbnail.set_active(active)

    def _report_role(self) -> None:
        self.role_chosen.emit((self.series, Role(self.role.currentData())))


class StudyDock(KeyGuard):
    """The left dock."""

    menu_requested = Signal(object, QPoint)  # a Series, and where its menu is wanted (global)
    passport_asked = Signal(object, object)  # a Series, and the widget under which its passport is wanted
    role_chosen = Signal(object)  # (Series, Role)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._cards: list[SeriesCard] = []
        self.setObjectName("study_panel")
        self._title = ElidedLabel("")
        theme.scaled(self._title, 1.0, bold=True)
        self._notes = Notes()
        self._notes.setObjectName("study_warnings")
        self._content = QWidget()
        self._list = QVBoxLayout(self._content)
        self._list.setContentsMargins(theme.GRID, 4, theme.GRID, theme.GRID)
        self._list.setSpacing(12)
        head = QVBoxLayout()
        head.setSpacing(2)
        self._patient = ElidedLabel("")
        self._patient.setProperty("dim", True)
        self._patient.hide()
        for part in (self._title, self._patient, self._notes):
            head.addWidget(part)
        self._list.addLayout(head)
        self._list.addStretch(1)
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(scroll)
        self.setMinimumWidth(THUMBNAIL + 2 * theme.GRID)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        session.study_changed.connect(self._show_study)
        session.series_changed.connect(lambda _: self._mark_active())
        session.series_replaced.connect(lambda _: self._show_study(session.study))

    def sizeHint(self) -> QSize:
        """As narrow as the thumbnails allow: the image needs the room."""
        return QSize(THUMBNAIL + 2 * theme.GRID, 600)

    @property
    def cards(self) -> tuple[SeriesCard, ...]:
        """The series as they are shown."""
        return tuple(self._cards)

    def show_name(self, name: str, patient: str) -> None:
        """What the study is called and who the patient is; the caller knows what may be seen."""
        self._title.set_text(name)
        self._patient.set_text(patient)
        self._patient.setVisible(bool(patient))

    def show_roles(self) -> None:
        """The roles as the study has them now: another way than a card's combo box may have changed them."""
        study = self._session.study
        if study is not None:
            for card in self._cards:
                card.role.select(study.role_of(card.series))

    def _show_study(self, study: Study | None) -> None:
        for card in self._cards:
            self._list.removeWidget(card)
            card.deleteLater()
        self._cards = []
        if study is None:
            return
        self._notes.show_notes(study.warnings)
        for series in study.series:
            card = SeriesCard(series, study.role_of(series))
            card.chosen.connect(self._show_series)
            card.menu_requested.connect(self.menu_requested)
            card.passport_asked.connect(self.passport_asked)
            card.role_chosen.connect(self.role_chosen)
            self._list.insertWidget(self._list.count() - 1, card)
            self._cards.append(card)
        self._mark_active()

    def _show_series(self, series: Series) -> None:
        self._session.show_series(series)

    def _mark_active(self) -> None:
        active = self._session.active_series
        for card in self._cards:
            card.set_active(active is not None and card.series.uid == active.uid)
        QTimer.singleShot(0, self, self._reveal_active)  # once the cards have been laid out

    def _reveal_active(self) -> None:
        for card in self._cards:
            if card.thumbnail.active:
                self._scroll.ensureWidgetVisible(card, 0, theme.GRID)
