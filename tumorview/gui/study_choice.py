"""What is asked when a path can be opened in more than one way: which study, and what becomes of irregular slices."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from tumorview.core.opening import Irregular, StudyChoice
from tumorview.core.study import Series, Study
from tumorview.gui import messages, theme
from tumorview.gui.widgets import label

IRREGULAR = "irregular_dialog"

_MANY = 12  # lines of the list that are shown without scrolling


def choose_study(
    parent: QWidget,
    choices: Sequence[StudyChoice],
    then: Callable[[str], None],
    *,
    hide_names: bool,
    current: str = "",
) -> QDialog:
    """Open the list of studies at a path; ``then`` gets the key of the one that was chosen, ``current`` is open."""
    dialog = QDialog(parent)
    dialog.setObjectName("study_choice_dialog")
    dialog.setWindowTitle("Which Study?")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setSpacing(theme.GRID)
    column.addWidget(label(f"There are {len(choices)} studies here. Which one do you want to open?", wrap=True))
    studies = QListWidget(dialog)
    studies.setObjectName("study_choice_list")
    studies.setAccessibleName("Studies")
    studies.setSpacing(theme.GRID // 2)
    for number, choice in enumerate(choices, 1):
        title = f"Study {number}" if hide_names or not choice.title else choice.title
        entry = QListWidgetItem(f"{title}\n{choice.content}", studies)
        entry.setData(Qt.ItemDataRole.UserRole, choice.key)
    studies.setCurrentRow(next((row for row, choice in enumerate(choices) if choice.key == current), 0))
    row = studies.sizeHintForRow(0) + theme.GRID
    studies.setMinimumSize(460, row * min(max(len(choices), 3), _MANY) + 2 * studies.frameWidth())
    column.addWidget(studies)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel, dialog)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    studies.itemActivated.connect(lambda _: dialog.accept())
    column.addWidget(buttons)
    dialog.accepted.connect(lambda: then(studies.currentItem().data(Qt.ItemDataRole.UserRole)))
    dialog.open()
    studies.setFocus()
    return dialog


def irregular_series(study: Study) -> list[Series]:
    """Series with irregular slices that the user works on: the reference and what feeds the network."""
    used = {series.uid: series for series in (study.reference, *study.channels.values()) if series is not None}
    return [series for series in used.values() if series.irregular]


def ask_irregular(parent: QWidget, study: Study, then: Callable[[Irregular], None]) -> QMessageBox | None:
    """Ask what becomes of irregular slices; ``then`` is called where they are to be opened otherwise than they are."""
    series = irregular_series(study)
    if not series:
        return None
    told = "\n\n".join(f"{one.description}: {one.irregular}" for one in series)
    box = messages.question(
        parent,
        IRREGULAR,
        told,
        "They are shown as they were acquired. Resampling interpolates them onto a regular grid, so that every place"
        " and volume is right; the regular part alone needs no interpolation.",
    )
    resample = box.addButton("Resample", QMessageBox.ButtonRole.AcceptRole)
    part = box.addButton("Open the Regular Part", QMessageBox.ButtonRole.AcceptRole)
    keep = box.addButton("Keep as Acquired", QMessageBox.ButtonRole.RejectRole)
    for button, name in ((resample, "resample_button"), (part, "part_button"), (keep, "as_acquired_button")):
        button.setObjectName(name)
    box.setDefaultButton(resample)
    box.setEscapeButton(keep)

    def answered() -> None:
        if box.clickedButton() is resample:
            then(Irregular.RESAMPLE)
        elif box.clickedButton() is part:
            then(Irregular.PART)

    box.finished.connect(answered)
    box.setModal(False)  # the images can be looked at before this is answered
    box.show()
    return box


def withdraw_irregular(parent: QWidget) -> None:
    """Close the question about a study that is not open any more."""
    for box in parent.findChildren(QMessageBox, IRREGULAR):
        box.close()
