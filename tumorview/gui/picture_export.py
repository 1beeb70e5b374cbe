"""Writing pictures: every slice with its mask as PNG, and the 3D view."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtWidgets import QFileDialog, QWidget

from tumorview.app.jobs import Job, JobContext
from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.rendering import OverlayStyle, Window
from tumorview.core.study import Series
from tumorview.gui.file_work import FileWork, Folders, Then
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.sessions import tasks
from tumorview.gui.timing import Memory

EXPORT = "export"
PICTURE_FILTER = "PNG (*.png)"
Picture = npt.NDArray[np.uint8]  # RGB [h, w, 3]


@dataclass(frozen=True)
class Drawing:
    """How the window shows the mask, for pictures that look alike; ``series`` None is the mask's own."""

    style: OverlayStyle
    series: Series | None = None
    window: Window | None = None
    colour_map: ColourMap = ColourMap.GREY
    inverted: bool = False


class PictureExport(FileWork):
    """Pictures that look as the window does; none carries a text about the patient."""

    def __init__(
        self,
        window: QWidget,
        session: Session,
        jobs: JobRunner,
        memory: Memory,
        folders: Folders,
        *,
        settle: Then,
        drawn_as: Callable[[], Drawing],
    ) -> None:
        super().__init__(window, session, jobs, memory, folders, settle=settle)
        self._drawn_as = drawn_as

    def export_png(self) -> None:
        """Ask for a folder and write PNG slices there."""
        start = self._folders.first or self._folders.suggested_path().parent
        chosen = QFileDialog.getExistingDirectory(self._window, "Export PNG Slices to Folder", str(start))
        if chosen:
            self.export_png_to(Path(chosen))

    def export_png_to(self, folder: Path) -> None:
        """Write mask and overlay pictures of every slice into ``folder``."""
        study, mask = self._session.study, self._snapshot()
        if study is None or mask is None:
            return
        drawn = self._drawn_as()

        def work(context: JobContext) -> list[Path]:
            return tasks().export_png(
                study,
                mask,
                folder,
                series=drawn.series,
                window=drawn.window,
                colour_map=drawn.colour_map,
                inverted=drawn.inverted,
                style=drawn.style,
                context=context,
            )

        def written(files: list[Path]) -> None:
            self._folders.saved = folder
            self.told.emit(f"{len(files)} PNG files written and checked: {self._name(folder, whole=True)}")

        self._jobs.start(Job("Exporting PNG slices", work, exclusive=EXPORT), Handlers(done=written, failed=self._fail))

    def export_picture(self, make: Callable[[], Picture]) -> None:
        """Ask for a file and save there the picture of the 3D view that ``make`` draws."""
        if self._session.study is None:
            return
        mask = self._folders.suggested_path()
        start = mask.with_name(mask.name.removesuffix("_mask.nii.gz") + "_3d.png")
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save 3D Picture", str(start), PICTURE_FILTER)
        if chosen:
            path = Path(chosen)
            self.export_picture_to(path if path.suffix else path.with_suffix(".png"), make())

    def export_picture_to(self, path: Path, picture: Picture) -> None:
        """Write ``picture`` as PNG; success is told once the file was read back."""

        def written(_: Path) -> None:
            self._folders.saved = path.parent
            self.told.emit(f"Picture saved and checked: {self._name(path, whole=True)}")

        job = Job(f"Saving {self._name(path)}", lambda _: tasks().export_picture(picture, path))
        self._jobs.start(job, Handlers(done=written, failed=self._fail))
