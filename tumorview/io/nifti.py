"""NIfTI-1 and NIfTI-2, packed or not: one image, or a folder of one patient's images and masks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.opening import Opening
from tumorview.core.progress import Progress
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.align import reordered
from tumorview.io.files import walk
from tumorview.io.mask_names import is_brain_mask_name, is_mask_name, mask_rank
from tumorview.io.mask_pixels import labels_of, looks_like_labels, table_for
from tumorview.io.nifti_header import NiftiImage, is_nifti, opened, placement
from tumorview.io.pixels import Pixels, to_grey
from tumorview.io.raster import finite_voxels
from tumorview.io.roles import role_from_text

MAX_VOLUMES = 8  # of a 4-D image that become series of their own
MAX_IMAGES = 64  # of one folder


class NiftiReader:
    """Reads a NIfTI file, or a folder of one patient's NIfTI files, as a Study."""

    name = "NIfTI"

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is a NIfTI file by content, or a folder with one."""
        if path.is_file():
            return is_nifti(path)
        return any(_named_like_nifti(file) and is_nifti(file) for file in walk(path))

    def read(self, path: Path, progress: Progress, opening: Opening) -> Study:
        """The Study of that image or folder; masks among the files become its truth or are named in a warning."""
        if path.is_file():
            return Study(path=path, series=tuple(read_series(path)), title=path.name)
        return _read_folder(path, progress)


def read_series(path: Path) -> list[Series]:
    """The image of one file, as a Series for each of its volumes (at most MAX_VOLUMES)."""
    stem = stem_of(path)
    role, confidence = role_from_text(stem)
    series = []
    with opened(path) as image:
        count = _volume_count(image)
        for number in range(min(count, MAX_VOLUMES)):
            volume, warnings = _read_volume(image, number)
            if count > 1:
                shown = f" of which {MAX_VOLUMES} are opened" if count > MAX_VOLUMES else ""
                warnings = (f"The file holds {count} volumes{shown}; this is number {number + 1}.", *warnings)
            series.append(
                Series(
                    uid=f"nifti-{stem}" + (f"-{number + 1}" if count > 1 else ""),
                    volume=volume,
                    role=role if count == 1 else Role.OTHER,
                    role_confidence=confidence if count == 1 else 0.0,
                    description=stem + (f", volume {number + 1}" if count > 1 else ""),
                    warnings=warnings,
                )
            )
    return series


def read_mask(path: Path) -> Mask:
    """The mask in a NIfTI file on its own Geometry; raises ReadError where its values are not label numbers."""
    with opened(path) as image:
        if _volume_count(image) != 1:
            raise ReadError(f"'{path.name}' holds several volumes, not one mask.", "Save one volume of label numbers.")
        volume, _ = _read_volume(image, 0)
    data = labels_of(volume.data, path)
    return Mask(data, volume.geometry, table_for(data))


def stem_of(path: Path) -> str:
    """The file's name without ``.nii`` or ``.nii.gz``."""
    return re.sub(r"\.(nii|gz)$", "", re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE), flags=re.IGNORECASE)


def _named_like_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


def _volume_count(image: NiftiImage) -> int:
    return int(np.prod([int(n) for n in image.shape[3:]], dtype=np.int64)) if len(image.shape) > 3 else 1


def _read_volume(image: NiftiImage, number: int) -> tuple[Volume, tuple[str, ...]]:
    """Volume ``number`` of the image as [k, j, i], and what the user should know about it."""
    extra = image.shape[3:]
    place = tuple(int(n) for n in np.unravel_index(number, extra, order="F")) if extra else ()
    voxels = image.dataobj[(..., *place)] if extra else np.asanyarray(image.dataobj)
    if voxels.ndim == 2:
        voxels = voxels[..., None]
    values, warnings = _plain(voxels)
    data = np.ascontiguousarray(values.transpose(2, 1, 0))
    where = placement(image, (data.shape[0], data.shape[1], data.shape[2]))
    return Volume(data, where.geometry), (*where.warnings, *warnings)


def _plain(voxels: Pixels) -> tuple[Pixels, list[str]]:
    """Real, finite voxels of at most 32 bits; scaled values as nibabel gives them."""
    warnings = []
    if voxels.dtype.fields is not None:
        voxels, _ = to_grey(np.stack([voxels[name] for name in voxels.dtype.names or ()][:3], axis=-1))
        warnings.append("The colour image is shown in greys.")
    if voxels.dtype.kind == "c":
        voxels = np.abs(voxels)
        warnings.append("Of the complex image the magnitude is shown.")
    if voxels.dtype.kind not in "biuf":
        raise ReadError(f"The image has voxels of the type {voxels.dtype}.", "Save it as 16-bit integers or floats.")
    finite, repaired = finite_voxels(voxels)
    return _narrow(finite), warnings + repaired


def _narrow(voxels: Pixels) -> Pixels:
    """The smallest usual type that keeps the values: int16 or int32 for whole numbers stored wider, else float32."""
    if voxels.dtype.kind == "b":
        return voxels.astype(np.uint8)
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize > 2:
        low, high = int(voxels.min()), int(voxels.max())
        for kind in (np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return voxels.astype(kind)
        return voxels.astype(np.float32)
    if voxels.dtype.kind == "f" and voxels.dtype != np.float32:
        return voxels.astype(np.float32)
    return voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("="))


def _read_folder(folder: Path, progress: Progress) -> Study:
    files = [path for path in walk(folder, progress) if _named_like_nifti(path) and is_nifti(path)]
    if len(files) > MAX_IMAGES:
        raise ReadError(f"'{folder.name}' holds {len(files)} NIfTI files.", "Open the folder of one patient.")
    series: list[Series] = []
    masks: list[tuple[Path, Mask]] = []
    warnings: list[str] = []
    for done, path in enumerate(files):
        progress.check()
        progress.report(done / len(files), "Reading images")
        mask = _mask_among_images(path, warnings)
        if mask is not None:
            masks.append((path, mask))
        elif not is_brain_mask_name(stem_of(path)):
            series.extend(read_series(path))
    if not series:
        raise ReadError(f"'{folder.name}' holds masks but no image.", "Open the folder of the images.")
    study = Study(path=folder, series=unique_series(series), title=folder.name)
    truth = _pick_truth(masks, study.reference.volume.geometry, warnings)
    return replace(study, truth=truth, warnings=tuple(warnings))


def _mask_among_images(path: Path, warnings: list[str]) -> Mask | None:
    """The Mask in ``path`` where its name and values are a mask's; brain masks are left out with a warning."""
    if not is_mask_name(stem_of(path)):
        return None
    with opened(path) as image:
        if _volume_count(image) != 1:
            return None
        volume, _ = _read_volume(image, 0)
    if not looks_like_labels(volume.data):
        return None
    if is_brain_mask_name(stem_of(path)):
        warnings.append(f"'{path.name}' is a mask of the brain or head, not of a tumour: it was left out.")
        return None
    return read_mask(path)


def _pick_truth(masks: list[tuple[Path, Mask]], grid: Geometry, warnings: list[str]) -> Mask | None:
    """The first mask on the reference grid, those named as ground truth first; the others are named in warnings."""
    chosen: Mask | None = None
    for path, mask in sorted(masks, key=lambda item: mask_rank(stem_of(item[0]))):
        fitted = reordered(mask.data, mask.geometry, grid)
        if fitted is None:
            warnings.append(f"The mask '{path.name}' lies on another grid than FLAIR and was left out.")
        elif chosen is None:
            chosen = Mask(fitted, grid, mask.labels)
        else:
            warnings.append(f"The folder holds several masks: '{path.name}' was left out.")
    return chosen


def unique_series(series: Sequence[Series]) -> tuple[Series, ...]:
    """The series with a number added to a uid that two files in different folders share."""
    seen: dict[str, int] = {}
    result = []
    for one in series:
        seen[one.uid] = seen.get(one.uid, 0) + 1
        count = seen[one.uid]
        result.append(one if count == 1 else replace(one, uid=f"{one.uid}-{count}"))
    return tuple(result)
