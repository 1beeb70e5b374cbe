"""The real program, which also tells where a hand would point: every control it shows, and how far the wizard is."""

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from tumorview.app.training_flow import PageId
from tumorview.gui import application
from tumorview.gui.main_window import MainWindow

make_window = application.create_window
LOOK_MS = 200


def place(widget: QWidget) -> list[int]:
    middle = widget.mapToGlobal(QPoint(widget.width() // 2, widget.height() // 2))
    return [middle.x(), middle.y()]


def controls() -> dict[str, list[int]]:
    """Places of what can be used now, by object name."""
    return {
        widget.objectName(): place(widget)
        for widget in QApplication.allWidgets()
        if widget.objectName() and widget.isVisible() and widget.isEnabled()
    }


def watched(*arguments: Any, **options: Any) -> MainWindow:
    window = make_window(*arguments, **options)

    def look() -> None:
        wizard = window.training.wizard
        told: dict[str, object] = {"controls": controls(), "models": [model.id for model in window.models.models]}
        focus = QApplication.focusWidget()
        told["focus"] = None if focus is None else focus.objectName()
        told["popup"] = QApplication.activePopupWidget() is not None
        told["jobs"] = [job.exclusive for job in window.jobs.active]
        if wizard is not None:
            state = wizard.flow.state
            told |= {"page": state.page, "cases": len(state.cases), "run": str(wizard.flow.run_folder)}
            run = wizard.page(PageId.RUN).run if state.page is PageId.RUN else None
            told["training"] = None if run is None else run.state
            told |= {"choices": state.choices.to_dict(), "hint": wizard.hint.full_text()}
        mask, prediction = window.session.mask, window.session.prediction
        told["marked"] = 0 if mask is None else int((mask.data > 0).sum())
        told["by"] = None if prediction is None else prediction.origin.model_id
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    ticking = QTimer(window)
    ticking.timeout.connect(look)
    ticking.start(LOOK_MS)
    return window


application.create_window = watched
sys.exit(application.run([Path(path) for path in sys.argv[1:]]))
