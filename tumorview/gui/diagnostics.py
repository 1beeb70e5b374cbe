"""What a window adds to the diagnostic report: screens, Qt's platform and OpenGL."""

from typing import TYPE_CHECKING

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

from tumorview.app import diagnostics

if TYPE_CHECKING:
    from tumorview.gui.main_window import MainWindow

_VENDOR, _RENDERER, _VERSION = 0x1F00, 0x1F01, 0x1F02  # GL_VENDOR, GL_RENDERER, GL_VERSION


def report_of(window: "MainWindow") -> str:
    """The report for a bug in this window."""
    store, log = window.memory.store, window.program_log
    window.memory.flush()
    text = diagnostics.report(store.current, folder=store.folder, lines=log.lines, display=_display(window))
    return log.privacy.cleaned(text)


def _display(window: "MainWindow") -> dict[str, str]:
    found = {"Qt": f"{qVersion()} on {QGuiApplication.platformName()}"}
    for number, screen in enumerate(QGuiApplication.screens(), start=1):
        size = screen.size()
        found[f"Screen {number}"] = f"{size.width()}x{size.height()} at {screen.devicePixelRatio():g}"
    found["Window"] = f"{window.width()}x{window.height()}"
    found["OpenGL"] = _opengl()
    return found


def _opengl() -> str:
    """Vendor, renderer and version, or why there is none."""
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return "not available"
    functions = context.functions()
    texts = [str(functions.glGetString(name)) for name in (_VENDOR, _RENDERER, _VERSION)]
    context.doneCurrent()
    return ", ".join(texts)
