"""The geometry passport in the window: its popup, the bar that asks about a doubtful place, the guard on saving."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QMessageBox, QWidget

from tumorview.app import geometry_answers
from tumorview.app.geometry_answers import Question
from tumorview.app.series_records import ANSWERS
from tumorview.app.session import Session
from tumorview.core.passport import Passport, passport_of
from tumorview.core.study import Series
from tumorview.gui import messages, theme
from tumorview.gui.restoring import Bar
from tumorview.gui.widgets import label

Then = Callable[[], None]
VALUE_WIDTH = 300


class GeometryController(QObject):
    """Asks once about a place that the file leaves open; ``told`` carries a line for the status bar."""

    told = Signal(str)

    def __init__(self, window: QWidget, session: Session, before_losing: Callable[[Then], None]) -> None:
        super().__init__(window)
        self._window, self._session, self._before_losing = window, session, before_losing
        self.bar = Bar("geometry_bar")
        self._keep = self.bar.add_button("geometry_keep_button", "Keep", "The place that is shown is right")
        self._other = self.bar.add_button("geometry_other_button", "Use the Other", "Show the study anew with it")
        details = self.bar.add_button("geometry_details_button", "Details", "What the file says about its place")
        self._keep.clicked.connect(lambda: self._answer(self._accept))
        self._other.clicked.connect(lambda: self._answer(self._swap))
        details.clicked.connect(lambda: self._show_details(details))
        session.study_changed.connect(lambda _: self.refresh())
        session.records.restored.connect(lambda _: self.refresh())
        session.records.changed.connect(lambda name: self.refresh() if name == ANSWERS else None)

    @property
    def question(self) -> Question | None:
        """What is still open."""
        return geometry_answers.question_of(self._session)

    def refresh(self) -> None:
        """Ask, or fall silent."""
        question = self.question
        if question is None:
            self.bar.hide()
            return
        source = question.series.placing.source
        self._keep.setText(f"Keep {_short(source)}" if question.other else "Keep as Shown")
        self._other.setText(f"Use {_short(question.other)}")
        self._other.setVisible(bool(question.other))
        self.bar.say(f"{question.text} Check the patient's sides before you save a mask.")

    def before_saving(self, proceed: Then) -> None:
        """Call ``proceed`` where the place of the mask is certain, otherwise once the user has confirmed it."""
        question = self.question
        if question is None:
            proceed()
            return
        box = messages.question(
            self._window,
            "geometry_dialog",
            question.text,
            "A mask at the wrong place looks as good as a right one. Is the image shown as the patient lies?",
        )
        save = box.addButton("It Is Right, Save", QMessageBox.ButtonRole.AcceptRole)
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)

        def finished() -> None:
            if box.clickedButton() is save:
                self._accept(question)
                proceed()

        box.finished.connect(lambda _: finished())
        box.open()

    def _answer(self, take: Callable[[Question], None]) -> None:
        question = self.question
        if question is not None:
            take(question)

    def _accept(self, question: Question) -> None:
        geometry_answers.keep_as_shown(self._session, question)

    def _swap(self, question: Question) -> None:
        def swap() -> None:
            geometry_answers.use_other(self._session, question)
            self.told.emit(f"The image lies as its {question.other} says.")

        self._before_losing(swap)

    def _show_details(self, anchor: QWidget) -> None:
        question = self.question
        if question is not None:
            show_passport(question.series, self._session, anchor)


def show_passport(series: Series, session: Session, anchor: QWidget) -> QFrame:
    """Open the passport of ``series`` under ``anchor``; a click elsewhere closes it."""
    return passport_popup(passport_of(series, session.study), anchor)


def passport_popup(passport: Passport, anchor: QWidget) -> QFrame:
    """Names and values in two columns, what is doubtful in amber."""
    popup = QFrame(anchor, Qt.WindowType.Popup)
    popup.setObjectName("passport_popup")
    popup.setFrameShape(QFrame.Shape.StyledPanel)
    popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    grid = QGridLayout(popup)
    grid.setContentsMargins(12, theme.GRID, 12, theme.GRID)
    grid.setHorizontalSpacing(2 * theme.GRID)
    grid.setVerticalSpacing(4)
    title = label("Geometry passport")
    theme.scaled(title, 1.0, bold=True)
    grid.addWidget(title, 0, 0, 1, 2)
    for line, fact in enumerate(passport.facts, start=1):
        grid.addWidget(label(fact.name, dim=True), line, 0, Qt.AlignmentFlag.AlignTop)
        value = label(fact.value, warning=fact.doubtful, wrap=True)
        value.setFixedWidth(VALUE_WIDTH)
        theme.tabular(value)
        grid.addWidget(value, line, 1)
    popup.adjustSize()
    place = anchor.mapToGlobal(anchor.rect().bottomLeft())
    screen = anchor.screen().availableGeometry()
    left = min(place.x(), screen.right() - popup.width())
    top = min(place.y(), screen.bottom() - popup.height())
    popup.move(QPoint(max(left, screen.left()), max(top, screen.top())))
    popup.show()
    return popup


def _short(source: str) -> str:
    return source.removeprefix("NIfTI ")
