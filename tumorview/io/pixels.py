"""Pixels of one raster file: TIFF (pages), PNG or JPEG, with their size checked before they are unpacked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from tumorview.errors import ReadError
from tumorview.io.files import head
from tumorview.io.untrusted import SUSPICIOUS_RATIO, reading

Pixels = npt.NDArray[Any]

MAX_PAGES = 4096
MAX_EDGE = 16384
MAX_PIXELS = 2**28  # of one page, all channels: 16384 x 16384 grey
MAX_VOXELS = 2**31  # of a whole stack
SUSPICIOUS_PIXELS = 2**26  # of all pages; images of this size do not pack much better than 2 to 1
MAX_PIXELS_PER_BYTE = 20_000  # CCITT and deflate pack an empty page that well, nothing real does better

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"

_REMEDY = "Copy it again from its source, or open another file."


@dataclass(frozen=True)
class RasterInfo:
    """What a raster file's header says: number of pages, size and channels of the first."""

    pages: int
    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]


def raster_kind(path: Path) -> str | None:
    """ "TIFF", "PNG" or "JPEG" by the first bytes; None for anything else."""
    start = head(path, 8)
    if start[:4] in TIFF_MAGIC:
        return "TIFF"
    if start == PNG_MAGIC:
        return "PNG"
    return "JPEG" if start[:3] == JPEG_MAGIC else None


def read_info(path: Path) -> RasterInfo:
    """The header of a raster file; raises ReadError where it is damaged or larger than TumorView opens."""
    kind = raster_kind(path)
    if kind is None:
        raise ReadError(f"'{path.name}' is not a TIFF, PNG or JPEG image.", "Open an image file.")
    with reading(path, f"a {kind} image"):
        info = _tiff_info(path) if kind == "TIFF" else _pillow_info(path)
    _check_size(path, info)
    return info


def read_pages(path: Path) -> Pixels:
    """Pixels [page, row, column] or [page, row, column, channel] of a raster file; every page has the same size."""
    info = read_info(path)
    kind = raster_kind(path)
    with reading(path, f"a {kind} image"):
        pages = list(_tiff_pages(path)) if kind == "TIFF" else [_pillow_page(path)]
    if len({page.shape for page in pages}) > 1:
        raise ReadError(f"The pages of '{path.name}' differ in size.", "Save pages of one size in one file.")
    if not pages or len(pages) != info.pages:
        raise ReadError(f"'{path.name}' is cut short: pages are missing.", _REMEDY)
    stack = np.stack(pages)
    if stack.dtype.kind not in "buif" or stack.ndim not in (3, 4):
        raise ReadError(f"'{path.name}' holds pixels of the type {stack.dtype}.", "Save it as 8- or 16-bit greys.")
    return stack


def to_grey(pixels: Pixels) -> tuple[Pixels, bool]:
    """Greys [..., row, column] of colour pixels [..., row, column, channel] and whether colour was lost (BT.601)."""
    colour = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1]
    if colour.shape[-1] == 1 or bool((colour == colour[..., :1]).all()):
        return np.ascontiguousarray(colour[..., 0]), False
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    grey = colour.astype(np.float32) @ weights
    whole = np.rint(grey).astype(pixels.dtype) if pixels.dtype.kind in "ui" else grey
    return np.ascontiguousarray(whole), True


def _check_size(path: Path, info: RasterInfo) -> None:
    pixels = info.height * info.width * info.channels
    stored = max(path.stat().st_size, 1)
    ratio = pixels * info.pages / stored
    hostile = ratio > MAX_PIXELS_PER_BYTE or (pixels * info.pages > SUSPICIOUS_PIXELS and ratio > SUSPICIOUS_RATIO)
    too_large = (
        info.pages > MAX_PAGES
        or max(info.height, info.width) > MAX_EDGE
        or pixels > MAX_PIXELS
        or pixels * info.pages > MAX_VOXELS
    )
    if hostile or too_large:
        raise ReadError(
            f"'{path.name}' claims {info.pages} pages of {info.width} x {info.height} pixels,"
            " more than TumorView opens from such a file.",
            "Reduce it or split it first.",
        )
    if min(info.height, info.width, info.pages) < 1:
        raise ReadError(f"'{path.name}' holds no pixels.", _REMEDY)


def _tiff_info(path: Path) -> RasterInfo:
    with tifffile.TiffFile(path) as tiff:
        first = tiff.pages.first
        count = len(tiff.pages)
        size = int(first.imagelength), int(first.imagewidth), int(first.samplesperpixel)  # a damaged tag is a tuple
        return RasterInfo(count, *size, np.dtype(first.dtype))


def _tiff_pages(path: Path) -> Iterator[Pixels]:
    with tifffile.TiffFile(path) as tiff:
        size = tiff.pages.first.shape
        for page in tiff.pages:
            if page.shape != size:  # before decoding: each page's own header is as untrusted as the first
                raise ReadError(f"The pages of '{path.name}' differ in size.", "Save pages of one size in one file.")
            pixels = np.asarray(page.asarray())
            header = page if isinstance(page, tifffile.TiffPage) else tiff.pages.first
            if int(header.photometric) == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind in "bu":
                top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else True
                pixels = np.asarray(top ^ pixels)
            if header.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
                pixels = np.moveaxis(pixels, 0, -1)
            yield pixels


def _pillow_info(path: Path) -> RasterInfo:
    with _opened(path) as image:
        return RasterInfo(1, image.height, image.width, len(image.getbands()), np.dtype(np.uint8))


def _pillow_page(path: Path) -> Pixels:
    with _opened(path) as image:
        if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
            return np.asarray(image.convert("RGB"))
        if image.mode == "1":
            return np.asarray(image.convert("L"))
        pixels = np.asarray(image)
        return pixels.astype(np.uint16) if image.mode == "I" and pixels.min() >= 0 else pixels


def _opened(path: Path) -> Image.Image:
    # Only the two formats that were recognised: Pillow would otherwise try every parser it has on the file.
    return Image.open(path, formats=("PNG", "JPEG"))
