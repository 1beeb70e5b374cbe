"""Makes the window, on an application that is there or on one of its own."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import platformdirs
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget

from tumorview import __version__
from tumorview.app import heap
from tumorview.app.model_store import ModelStore
from tumorview.app.program_log import ProgramLog
from tumorview.app.segmenter import RunSegmentation, Segmenter
from tumorview.app.settings_store import SettingsStore, default_folder
from tumorview.gui import icons, messages, theme
from tumorview.gui.main_window import MainWindow

SIGNAL_INTERVAL_MS = 200

log = logging.getLogger(__name__)


def create_window(
    paths: Sequence[Path | str] = (),
    *,
    truth: Path | str | None = None,
    mask: Path | str | None = None,
    settings_dir: Path | str | None = None,
    segmenter: RunSegmentation | None = None,
    program_log: ProgramLog | None = None,
) -> MainWindow:
    """The whole window on the existing QApplication, not shown yet; ``paths`` are opened in the background.

    With ``settings_dir`` settings, imported models and caches live there and nowhere else. ``segmenter`` takes the
    network's place. Without ``program_log`` the log is kept in memory only.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("create_window needs a QApplication")
    heap.keep_images_apart()
    store = SettingsStore(default_folder() if settings_dir is None else Path(settings_dir))
    theme.apply(application, store.current.theme, store.current.font_scale)
    application.setWindowIcon(icons.icon("brain", theme.colours().accent))
    own = Segmenter.of_user(store)
    window = MainWindow(store, segmenter or own, ModelStore(own.registry), program_log or ProgramLog())
    window.restoring.look()
    if paths:
        window.open_paths(
            [Path(path) for path in paths],
            truth=None if truth is None else Path(truth),
            mask=None if mask is None else Path(mask),
        )
    return window


def run(paths: Sequence[Path | str] = (), truth: Path | str | None = None, mask: Path | str | None = None) -> int:
    """Open the window and stay until it is closed; the exit code."""
    program_log = ProgramLog(Path(platformdirs.user_log_dir("TumorView", appauthor=False)))
    log.info("TumorView %s starts", __version__)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("TumorView")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("tumorview")
    window = create_window(paths, truth=truth, mask=mask, program_log=program_log)
    fit_on_screen(window)
    _catch_exceptions(window)
    ticking = _let_interrupt_close(window)
    window.show()
    code = application.exec()
    ticking.stop()
    return code


def fit_on_screen(window: QWidget) -> None:
    """Make ``window`` no larger than its screen has room for: nothing of it may lie beyond the edge."""
    room = window.screen().availableSize()
    window.resize(window.size().boundedTo(room))


def _catch_exceptions(window: MainWindow) -> None:
    """A bug shows a dialog and is logged; the program goes on."""

    def caught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            window.close()
        elif isinstance(error, Exception):
            messages.show_error(window, error)
        else:
            sys.__excepthook__(kind, error, trace)

    def caught_in_thread(arguments: threading.ExceptHookArgs) -> None:
        log.error("in a thread:\n%s", messages.bug_report(arguments.exc_value or RuntimeError("unknown")))

    sys.excepthook = caught
    threading.excepthook = caught_in_thread


def _let_interrupt_close(window: MainWindow) -> QTimer:
    """Ctrl+C in the terminal closes the window, asking about unsaved work; a second one ends the program."""
    pressed = 0

    def interrupted(*_: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1:
            QApplication.exit(130)
        else:
            QTimer.singleShot(0, window.close)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    # Qt's loop never returns to Python by itself: without a tick a signal waits for the next mouse move.
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(SIGNAL_INTERVAL_MS)
    return timer
