"""Takes the pictures of the model manager and of the training wizard's result page.

usage: .venv/bin/python docs/model_pictures.py RUN [FOLDER]

RUN is the folder of a training run that the wizard planned; its comparison is made if it has none. The run's model is
installed in a settings folder that is thrown away.
"""

import sys
import tempfile
from pathlib import Path

from make_screenshots import settle, take
from PySide6.QtWidgets import QApplication

from tumorview.app.comparison import Comparison
from tumorview.app.model_store import ModelStore
from tumorview.gui.application import create_window
from tumorview.gui.model_manager import ModelManager
from tumorview.gui.wizard.page import WizardServices
from tumorview.gui.wizard.result_page import ResultPage

SIZE = (1040, 740)


def main(run: Path, folder: Path) -> None:
    """Result page first, since the manager shows what it installs."""
    QApplication([])
    with tempfile.TemporaryDirectory() as scratch:
        own = Path(scratch)
        window = create_window(settings_dir=own)
        window.show()
        services = WizardServices(
            window.session, window.jobs, lambda: window.memory.settings, own, own / "models", window.models.reload
        )
        kept = Comparison.load(run)
        if kept is not None:  # the default that it was measured against
            ModelStore.in_folder(services.models_folder).set_default(kept.old.id)
        page = ResultPage(run, services)
        page.setContentsMargins(12, 12, 12, 12)
        page.resize(*SIZE)
        page.show()
        page.enter()
        settle(window)
        page.name.setText("Our 3 T scanner")
        page.notes.setPlainText("FLAIR with fat suppression; outlined by two readers")
        take(page, folder, "training-result")
        page.install.click()
        settle(window)
        page.close()
        window.actions["segment.models"].trigger()
        manager = window.findChild(ModelManager)
        assert manager is not None
        settle(window)
        manager.choose("our-3-t-scanner")
        take(manager, folder, "models-manager")
        manager.close()
        window.session.mark_saved()
        window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images"))
