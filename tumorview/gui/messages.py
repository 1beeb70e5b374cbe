"""What the user is told when something went wrong: one sentence and a remedy, never a traceback."""

import logging
import re
import traceback
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from tumorview import __version__
from tumorview.errors import TumorViewError

log = logging.getLogger(__name__)

_NAMED = re.compile(r"'[^']+'")
_QUOTED = re.compile(r"'[^']*[/\\][^']*'")


def show_error(parent: QWidget | None, error: Exception, *, hide_names: bool = False) -> QMessageBox:
    """Open the dialog for an error; the program goes on behind it. ``hide_names`` masks quoted file names."""
    log.info("an error was shown: %s", type(error).__name__)
    if isinstance(error, TumorViewError):
        told = (_NAMED.sub("The file", text) if hide_names else text for text in (error.message, error.remedy))
        return _open(parent, *told)
    if isinstance(error, OSError):
        named = isinstance(error.filename, str) and not hide_names
        name = f" '{Path(error.filename).name}'" if named else ""
        reason = (error.strerror or "the system refused").lower()
        return _open(parent, f"The file{name} could not be used: {reason}.", "Check that it is there and may be read.")
    if isinstance(error, MemoryError):
        return _open(parent, "There is not enough memory for this.", "Close other programs or open a smaller image.")
    return _show_bug(parent, error)


def _open(parent: QWidget | None, message: str, remedy: str) -> QMessageBox:
    box = QMessageBox(QMessageBox.Icon.Warning, "TumorView", message, QMessageBox.StandardButton.Ok, parent)
    box.setObjectName("error_dialog")
    box.setInformativeText(remedy)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box


def _show_bug(parent: QWidget | None, error: BaseException) -> QMessageBox:
    details = bug_report(error)
    log.error("a bug:\n%s", details)
    open_boxes = parent.findChildren(QMessageBox, "error_dialog") if parent is not None else []
    for shown in open_boxes:
        if shown.property("bug"):
            return shown  # one that repeats with every frame must not bury the window
    box = _open(
        parent,
        "Something went wrong inside TumorView. This is a bug, not your mistake.",
        "Your study and mask are still here: save the mask to be safe. "
        "“Copy Details” puts a report without patient data on the clipboard.",
    )
    box.setIcon(QMessageBox.Icon.Critical)
    box.setProperty("bug", True)
    copy = box.addButton("Copy Details", QMessageBox.ButtonRole.ActionRole)
    copy.setObjectName("copy_details_button")
    copy.clicked.disconnect()  # it shall not close the box
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(details))
    return box


def question(parent: QWidget | None, name: str, text: str, more: str) -> QMessageBox:
    """A box with a question, not open yet; whoever asks adds the buttons."""
    box = QMessageBox(QMessageBox.Icon.Question, "TumorView", text, QMessageBox.StandardButton.NoButton, parent)
    box.setObjectName(name)
    box.setInformativeText(more)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return box


def ask(
    parent: QWidget | None, name: str, text: str, more: str, *, answer: str, then: Callable[[], object],
    destructive: bool = False,
) -> QMessageBox:  # fmt: skip
    """Ask whether to do ``then``: a button ``answer``, and Cancel, which Enter presses where it is ``destructive``."""
    box = question(parent, name, text, more)
    roles = QMessageBox.ButtonRole
    button = box.addButton(answer, roles.DestructiveRole if destructive else roles.AcceptRole)
    box.setStandardButtons(QMessageBox.StandardButton.Cancel)
    if destructive:
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    box.finished.connect(lambda _: then() if box.clickedButton() is button else None)
    box.open()
    return box


def bug_report(error: BaseException) -> str:
    """Where an exception came from: code places only, since values and paths may name a patient."""
    lines = [f"TumorView {__version__}", f"{type(error).__name__}: {_QUOTED.sub('<path>', str(error))}"]
    for frame in traceback.extract_tb(error.__traceback__):
        parts = Path(frame.filename).parts
        lines.append(f"  {'/'.join(parts[-3:])}:{frame.lineno} in {frame.name}")
    return "\n".join(lines)


def ask_unsaved(
    parent: QWidget,
    *,
    save: Callable[[], None],
    discard: Callable[[], None],
    cancel: Callable[[], None] | None = None,
    save_session: Callable[[], None] | None = None,
    what: str = "The mask has changes that are not saved.",
) -> QMessageBox:
    """Ask what to do with unsaved work and call what was chosen; nothing blocks meanwhile."""
    buttons = QMessageBox.StandardButton
    box = QMessageBox(
        QMessageBox.Icon.Question,
        "TumorView",
        what,
        buttons.Save | buttons.Discard | buttons.Cancel,
        parent,
    )
    box.setObjectName("unsaved_dialog")
    box.setInformativeText("Save them before going on?")
    box.setDefaultButton(buttons.Save)
    box.setEscapeButton(buttons.Cancel)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    as_session = None
    if save_session is not None:
        box.button(buttons.Save).setText("Save Mask")
        as_session = box.addButton("Save Session…", QMessageBox.ButtonRole.AcceptRole)
        as_session.setObjectName("save_session_button")
        as_session.setToolTip("Mask, steps and measurements in one file")

    def chosen(result: int) -> None:
        if as_session is not None and save_session is not None and box.clickedButton() is as_session:
            save_session()
        elif result == buttons.Save:
            save()
        elif result == buttons.Discard:
            discard()
        elif cancel is not None:
            cancel()

    box.finished.connect(chosen)
    box.open()
    return box
