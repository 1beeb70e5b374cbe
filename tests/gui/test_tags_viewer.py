"""The tags of the open study can be searched, and hide the patient where identity is hidden."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import TIMEOUT, MakeWindow
from pydicom.data import get_testdata_file
from pytestqt.qtbot import QtBot

from tumorview.gui.main_window import MainWindow
from tumorview.gui.tags_viewer import HIDDEN, TagsViewer


@pytest.fixture
def viewer(make_window: MakeWindow, qtbot: QtBot) -> Iterator[tuple[MainWindow, TagsViewer]]:
    window = make_window(Path(str(get_testdata_file("MR_small.dcm"))))
    window.actions["file.tags"].trigger()
    found = window.findChild(TagsViewer)
    assert found is not None
    qtbot.waitUntil(lambda: found.model.rowCount() > 50, timeout=TIMEOUT)
    yield window, found
    if window.findChild(TagsViewer) is not None:
        found.close()


def column(viewer: TagsViewer, number: int) -> list[str]:
    return [str(viewer.model.index(line, number).data()) for line in range(viewer.model.rowCount())]


def test_the_search_narrows_the_list(viewer: tuple[MainWindow, TagsViewer]) -> None:
    _, dialog = viewer
    every = dialog.model.rowCount()
    dialog.search.setText("echo time")
    assert "EchoTime" in column(dialog, 1)
    assert dialog.model.rowCount() < every
    assert dialog.count.text().startswith(f"{dialog.model.rowCount()} of {every}")


def test_a_hidden_identity_is_hidden_here_too_and_from_the_search(viewer: tuple[MainWindow, TagsViewer]) -> None:
    window, dialog = viewer
    dialog.search.setText("PatientName")
    name = column(dialog, 3)[0]
    assert name != HIDDEN
    window.memory.set(hide_identity=True)
    assert column(dialog, 3) == [HIDDEN]
    assert HIDDEN in dialog.model.text()
    dialog.search.setText(name)
    assert dialog.model.rowCount() == 0


def test_it_closes_with_the_study(viewer: tuple[MainWindow, TagsViewer], qtbot: QtBot) -> None:
    window, _ = viewer
    window.actions["file.close"].trigger()
    qtbot.waitUntil(lambda: window.findChild(TagsViewer) is None, timeout=TIMEOUT)
