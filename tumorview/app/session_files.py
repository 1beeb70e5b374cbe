"""Saving and opening sessions, and finding the images that they were made on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tumorview.app.restoring import grid_of, study_as_in
from tumorview.core.opening import Opening
from tumorview.core.progress import Progress
from tumorview.core.session_state import ImageReference, SessionState, fingerprint
from tumorview.core.study import Study
from tumorview.errors import ReadError
from tumorview.io import registry
from tumorview.io.journal_reading import Damage, JournalContent
from tumorview.io.session_file import read_session, write_session

_TORN = "The last step was being written when the program ended, and is lost; everything before it is here."
_DAMAGED = "The journal is damaged: everything before the fault is here, later steps are lost."
_OTHER_VOXELS = "The image has the size and place of the one that this work was made on, but other voxels."


class ImageMissingError(ReadError):
    """The image of a session is where it was no longer; ``image`` says what is looked for."""

    def __init__(self, image: ImageReference) -> None:
        super().__init__(
            f"The image '{image.path}' of this session is not there.", "Show where it lies now, or copy it back."
        )
        self.image = image


@dataclass(frozen=True, eq=False)
class BroughtBack:
    """A study and the work on it; ``other_voxels`` says that the image is not the one the work was made on."""

    study: Study
    state: SessionState
    warnings: tuple[str, ...] = ()
    other_voxels: bool = False


def save_session(state: SessionState, study: Study, path: Path) -> Path:
    """Write ``state`` of ``study`` to ``path``; WriteError with a remedy where that fails."""
    volume = study.by_uid(state.image.series_uid).volume
    image = replace(state.image, fingerprint=fingerprint(volume))
    write_session(replace(state, image=image, saved=len(state.done)), path)
    return path


def open_session(path: Path, progress: Progress, image: Path | None = None) -> BroughtBack:
    """The study and the work of the session file ``path``; ``image`` says where the study lies now.

    Raises ReadError, ImageMissingError where the image was moved, GeometryError where ``image`` is another one.
    """
    content = read_session(path)
    beside = [path.parent / content.relative] if content.relative else []
    places = [content.state.image.path, *beside, path.parent / content.state.image.path.name]
    return _with_image(content.state, [image] if image else places, content.warnings, progress)


def bring_back(content: JournalContent, progress: Progress, image: Path | None = None) -> BroughtBack:
    """The study and the work of a journal; raises as ``open_session``."""
    warnings = {Damage.TORN: (_TORN,), Damage.DAMAGED: (_DAMAGED,), Damage.NONE: ()}[content.damage]
    return _with_image(content.state, [image or content.state.image.path], warnings, progress)


def _study_at(place: Path, opening: Opening, progress: Progress) -> Study:
    """The study as it was opened before; where only it was copied from among several, its key means nothing."""
    try:
        return registry.open_study(place, progress, opening)
    except ReadError:
        if not opening.study:
            raise
        return registry.open_study(place, progress, opening.naming(""))


def _with_image(
    state: SessionState, places: Iterable[Path], warnings: tuple[str, ...], progress: Progress
) -> BroughtBack:
    place = next((place for place in places if place.exists()), None)
    if place is None:
        raise ImageMissingError(state.image)
    study = _study_at(place, state.image.opening, progress)
    grid = grid_of(study_as_in(study, state), state)
    wanted = state.image.fingerprint
    fitting = [series for series in study.series if series.volume.geometry.same_grid(grid)]
    other = bool(wanted) and all(fingerprint(series.volume) != wanted for series in fitting)
    if other:
        warnings = (*warnings, _OTHER_VOXELS)
    return BroughtBack(study, state, warnings, other)
