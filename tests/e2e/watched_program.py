"""The real program, which also tells on its standard output what it holds after every step: for test_crash."""

import json
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QTimer

from tumorview.gui import application
from tumorview.gui.main_window import MainWindow

make_window = application.create_window


def tell(kind: str, **what: object) -> None:
    sys.stdout.write(json.dumps({"kind": kind, "at": time.time(), **what}) + "\n")
    sys.stdout.flush()


def watched(*arguments: Any, **options: Any) -> MainWindow:
    window = make_window(*arguments, **options)
    session, bar = window.session, window.restoring.bar

    def state() -> None:
        mask, history = session.mask, session.history
        assert mask is not None
        assert history is not None
        done = [step.title for step in history.steps]
        undone = [step.title for step in history.undone]
        crc = zlib.crc32(mask.data.tobytes() + mask.provenance.tobytes())
        tell("state", done=done, undone=undone, crc=crc)

    def centre(widget: Any) -> list[int]:
        place = widget.mapToGlobal(QPoint(widget.width() // 2, widget.height() // 2))
        return [place.x(), place.y()]

    def look() -> None:
        """Where a hand would point: once the window stands still."""
        if bar.isVisible() and not bar.isHidden():
            tell("offer", restore=centre(window.restoring._restore), text=bar.text.full_text())

    session.moved.connect(lambda _: state())
    session.study_changed.connect(lambda study: QTimer.singleShot(0, state) if study is not None else None)
    ticking = QTimer(window)
    ticking.timeout.connect(look)
    ticking.start(300)
    return window


application.create_window = watched
sys.exit(application.run([Path(path) for path in sys.argv[1:]]))
