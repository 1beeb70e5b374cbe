"""What the user is told when something goes wrong, and what is kept to ourselves."""

import sys
import threading

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from tumorview.errors import ReadError
from tumorview.gui import messages
from tumorview.gui.application import _catch_exceptions
from tumorview.gui.main_window import MainWindow


def boxes(window: MainWindow) -> list[QMessageBox]:
    return window.findChildren(QMessageBox, "error_dialog")


def close_all(window: MainWindow) -> None:
    for box in boxes(window):
        box.close()


def test_our_own_errors_show_their_sentence_and_remedy(window: MainWindow) -> None:
    messages.show_error(window, ReadError("It is broken.", "Copy it again."))
    (box,) = boxes(window)
    assert (box.text(), box.informativeText()) == ("It is broken.", "Copy it again.")
    close_all(window)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/data/scan.nii"), "'scan.nii' could not be used: permission denied"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_errors_of_the_system_become_sentences(window: MainWindow, error: Exception, said: str) -> None:
    messages.show_error(window, error)
    (box,) = boxes(window)
    assert said in box.text()
    assert box.informativeText()
    close_all(window)


def test_an_exception_in_the_window_is_told_once_and_the_program_goes_on(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    _catch_exceptions(window)
    error = IndexError("of '/home/user/patient name/scan.nii'")
    for _ in range(3):  # as a bug in a paint event would
        sys.excepthook(IndexError, error, None)
    assert len(boxes(window)) == 1
    assert "IndexError" in caplog.text
    assert "patient name" not in caplog.text
    close_all(window)
    window.actions["view.next_slice"].trigger()


def test_escape_in_the_question_keeps_the_work(qtbot: QtBot, window: MainWindow) -> None:
    told: list[str] = []
    box = messages.ask_unsaved(
        window,
        save=lambda: told.append("save"),
        discard=lambda: told.append("discard"),
        cancel=lambda: told.append("cancel"),
    )
    box.reject()
    assert told == ["cancel"]
