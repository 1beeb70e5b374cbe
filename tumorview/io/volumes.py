"""Files that hold one volume with its geometry (NIfTI, Analyze, NRRD, MetaImage), and folders of a patient's files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.opening import Opening, StudyChoice, chosen
from tumorview.core.progress import Progress
from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.errors import ReadError
from tumorview.io import metaimage, nifti, nrrd_file
from tumorview.io.align import reordered
from tumorview.io.files import several_warning, walk
from tumorview.io.mask_names import is_brain_mask_name, is_mask_name, mask_rank
from tumorview.io.mask_pixels import looks_like_labels
from tumorview.io.nifti_header import is_nifti
from tumorview.io.series_files import role_of_file, stem_of, unique_series
from tumorview.io.volume_grouping import studies_in

MAX_IMAGES = 64  # of one study


@dataclass(frozen=True)
class VolumeFormat:
    """One such format. ``endings`` are how its files are called; in folders only those are looked at.

    A file of a folder whose name is a mask's counts as a mask where its values are few; ``segmentation`` says without
    looking at the values that it is one.
    """

    endings: tuple[str, ...]
    recognises: Callable[[Path], bool]
    series: Callable[[Path, Opening], list[Series]]
    mask: Callable[[Path], Mask]
    segmentation: Callable[[Path], bool] = lambda _: False


FORMATS = (
    VolumeFormat((".nii", ".nii.gz", ".hdr", ".hdr.gz"), is_nifti, nifti.read_series, nifti.read_mask),
    VolumeFormat(
        (".nrrd", ".nhdr"),
        nrrd_file.is_nrrd,
        lambda path, _: nrrd_file.read_nrrd_series(path),
        nrrd_file.read_nrrd_mask,
        nrrd_file.is_segmentation,
    ),
    VolumeFormat(
        (".mha", ".mhd"),
        metaimage.is_metaimage,
        lambda path, _: metaimage.read_metaimage_series(path),
        metaimage.read_metaimage_mask,
    ),
)
ENDINGS = tuple(ending for kind in FORMATS for ending in kind.endings)


class VolumeReader:
    """Reads a file with a volume, or a folder of one patient's files, as a Study."""

    name = "NIfTI, NRRD or MetaImage"

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is such a file by content, or a folder with one."""
        if path.is_file():
            return _format_of(path) is not None
        return any(_in_folder(file) for file in walk(path))

    def read(self, path: Path, progress: Progress, opening: Opening) -> Study:
        """The Study of that image or folder; masks among the files become its truth or are named in a warning."""
        if path.is_dir():
            return _read_folder(path, progress, opening)
        return Study(path=path, series=tuple(_kind(path).series(path, opening)), title=path.name)


def named_like_volume(path: Path) -> bool:
    """Whether the file is called like one of these formats."""
    return path.name.lower().endswith(ENDINGS)


def is_segmentation(path: Path) -> bool:
    """Whether the file says of itself that it is a mask, whatever it is called."""
    return any(path.name.lower().endswith(kind.endings) and kind.segmentation(path) for kind in FORMATS)


def read_volume_series(path: Path) -> list[Series]:
    """What a file of these formats holds; ReadError where it cannot be read."""
    return _kind(path).series(path, Opening())


def _format_of(path: Path) -> VolumeFormat | None:
    return next((kind for kind in FORMATS if kind.recognises(path)), None)


def _in_folder(path: Path) -> bool:
    return named_like_volume(path) and _format_of(path) is not None


def _kind(path: Path) -> VolumeFormat:
    kind = _format_of(path)
    if kind is None:
        raise ReadError(f"'{path.name}' is not a volume that TumorView reads.", "Open another file.")
    return kind


def _read_folder(folder: Path, progress: Progress, opening: Opening) -> Study:
    files = [path for path in walk(folder, progress) if _in_folder(path)]
    groups = studies_in(folder, files)
    choices = tuple(StudyChoice(key, key, _content(members)) for key, members in groups.items())
    names = list(groups)
    key = names[chosen(choices, opening, folder.name, [(0, *_fullness(groups[name])) for name in names])]
    study = _read_files(folder, groups[key], progress, opening)
    if len(choices) == 1:
        return study
    others = () if opening.study else (several_warning(len(choices)),)
    return replace(
        study,
        title=f"{folder.name}: {key}",
        choices=choices,
        opening=opening.naming(key),
        warnings=(*others, *study.warnings),
    )


def _read_files(folder: Path, files: Sequence[Path], progress: Progress, opening: Opening) -> Study:
    if len(files) > MAX_IMAGES:
        raise ReadError(f"'{folder.name}' holds {len(files)} images.", "Open the folder of one patient.")
    series: list[Series] = []
    masks: list[tuple[Path, Mask]] = []
    warnings: list[str] = []
    damaged: list[ReadError] = []
    for done, path in enumerate(files):
        progress.check()
        progress.report(done / len(files), "Reading images")
        try:
            found = _kind(path).series(path, opening)
            mask = _mask_among_images(path, found, warnings)
            if mask is not None:
                masks.append((path, mask))
            elif not is_brain_mask_name(stem_of(path)):
                series.extend(found)
        except ReadError as error:
            damaged.append(error)
    if not series:
        if damaged:
            raise damaged[0]
        raise ReadError(f"'{folder.name}' holds masks but no image.", "Open the folder of the images.")
    warnings += [f"A file was left out: {error.message}" for error in damaged]
    study = Study(path=folder, series=unique_series(series), title=folder.name)
    truth = _pick_truth(masks, study.reference.volume.geometry, warnings)
    return replace(study, truth=truth, warnings=tuple(warnings))


def _mask_among_images(path: Path, found: Sequence[Series], warnings: list[str]) -> Mask | None:
    """The Mask in ``path`` where its name and values are a mask's; brain masks are left out with a warning."""
    stem = stem_of(path)
    segmentation = _kind(path).segmentation(path)
    if not segmentation:
        if not is_mask_name(stem) or len(found) != 1 or not looks_like_labels(found[0].volume.data):
            return None
        if is_brain_mask_name(stem):
            warnings.append(f"'{path.name}' is a mask of the brain or head, not of a tumour: it was left out.")
            return None
    return _kind(path).mask(path)


def _pick_truth(masks: list[tuple[Path, Mask]], grid: Geometry, warnings: list[str]) -> Mask | None:
    """The first mask on the reference grid, those named as ground truth first; the others are named in warnings."""
    chosen_mask: Mask | None = None
    for path, mask in sorted(masks, key=lambda item: mask_rank(stem_of(item[0]))):
        fitted = reordered(mask.data, mask.geometry, grid)
        if fitted is None:
            warnings.append(f"The mask '{path.name}' lies on another grid than FLAIR and was left out.")
        elif chosen_mask is None:
            chosen_mask = Mask(fitted, grid, mask.labels)
        else:
            warnings.append(f"The folder holds several masks: '{path.name}' was left out.")
    return chosen_mask


def _roles(files: Iterable[Path]) -> list[Role]:
    return sorted({role_of_file(path)[0] for path in files if not is_mask_name(stem_of(path))} - {Role.OTHER})


def _content(files: Sequence[Path]) -> str:
    roles = ", ".join(map(str, _roles(files)))
    return f"{len(files)} files" + (f": {roles}" if roles else "")


def _fullness(files: Sequence[Path]) -> tuple[int, int]:
    return len(set(_roles(files)) & set(MODEL_CHANNELS)), len(files)
