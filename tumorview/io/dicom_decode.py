"""Which decoder unpacks the frames of a DICOM file, and in which process.

pydicom's and Pillow's decoders fail with an exception on damaged data and run here. GDCM and CharLS, which alone read
lossless JPEG, 12-bit JPEG and JPEG-LS, can abort the process or search a damaged stream for many seconds: they run in a
child process, so that a bad file costs one series and not the window.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGExtended12Bit

from tumorview.errors import ReadError
from tumorview.io.dicom_child import Child
from tumorview.io.dicom_header import read_with_pixels
from tumorview.io.untrusted import PARSER_ERRORS

Voxels = npt.NDArray[Any]

_CALM = ("pydicom", "pillow")  # decoders that fail with an exception, in order of preference
_GDCM_SCALARS = {"UINT8": np.uint8, "INT8": np.int8, "UINT12": np.uint16, "UINT16": np.uint16, "INT16": np.int16}


class PixelFiles:
    """Frames of DICOM files. The last dataset is kept: the stacks of one multi-frame file follow one another.

    Use it as a context, so that a child process that was needed ends with it.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._dataset = Dataset()
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.close()

    def frames(self, path: Path, indices: list[int]) -> Iterator[Voxels]:
        """Stored pixels [row, column] or [row, column, colour] of the frames ``indices``; raises ReadError."""
        dataset = self.dataset(path)
        done = 0
        if not needs_child(dataset, path):
            try:
                for pixels in decode(dataset, path, indices):
                    yield pixels
                    done += 1
                return
            except PARSER_ERRORS:
                if not _others_read(dataset):
                    raise
        if self._child is None:
            self._child = Child()
        for index in indices[done:]:
            yield self._child.frame(path, index)

    def dataset(self, path: Path) -> Dataset:
        """What decoding needs of the file at ``path``; raises ReadError."""
        if path != self._path:
            self._dataset = Dataset()  # let go of the old one before the new one takes its memory
            self._dataset, self._path = _with_bits(read_with_pixels(path)), path
        return self._dataset


def _with_bits(dataset: Dataset) -> Dataset:
    """The dataset with a number of stored bits that can be: some files say zero, or more than there is room for."""
    allocated = int(dataset.get("BitsAllocated") or 0)
    if "BitsStored" in dataset and not 0 < int(dataset.BitsStored or 0) <= allocated:
        dataset.BitsStored, dataset.HighBit = allocated, allocated - 1
    return dataset


def needs_child(dataset: Dataset, path: Path) -> bool:
    """Whether no calm decoder reads the file; raises ReadError where no decoder at all does."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        raise ReadError(
            f"'{path.name}' is packed as '{syntax.name}', for which no decoder is installed.",
            "Install python-gdcm, or export the study uncompressed.",
        )
    return decoder.is_encapsulated and (_is_deep_jpeg(dataset) or not set(_CALM) & set(decoder.available_plugins))


def _others_read(dataset: Dataset) -> bool:
    """Whether a decoder that is not calm may read what the calm ones could not: Pillow takes few JPEG 2000 colours."""
    decoder = get_decoder(UID(dataset.file_meta.TransferSyntaxUID))
    return decoder.is_encapsulated and bool(set(decoder.available_plugins) - set(_CALM))


def decode(dataset: Dataset, path: Path, indices: list[int], *, calm: bool = True) -> Iterator[Voxels]:
    """The frames ``indices`` in this process, with a ``calm`` decoder where there is one."""
    if _is_deep_jpeg(dataset):
        yield from _with_gdcm(path, indices)
        return
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    decoder = get_decoder(syntax)
    available = decoder.available_plugins if decoder.is_encapsulated and calm else ()
    plugin = next((name for name in _CALM if name in available), "")
    if int(dataset.get("NumberOfFrames") or 1) == 1:
        yield _coloured(pixel_array(dataset, decoding_plugin=plugin), dataset)
    elif syntax in JPEG2000TransferSyntaxes:
        # One by one: pydicom 3.0's iterator cannot correct the sign of JPEG 2000 frames whose header disagrees.
        for index in indices:
            yield _coloured(pixel_array(dataset, index=index, decoding_plugin=plugin), dataset)
    else:
        for pixels in iter_pixels(dataset, indices=indices, decoding_plugin=plugin):
            yield _coloured(pixels, dataset)


def _is_deep_jpeg(dataset: Dataset) -> bool:
    """Whether this is 12-bit lossy JPEG, which pydicom hands to none of its decoders."""
    deep = int(dataset.get("BitsStored") or 8) > 8
    return deep and UID(dataset.file_meta.TransferSyntaxUID) == JPEGExtended12Bit


def _coloured(pixels: Voxels, dataset: Dataset) -> Voxels:
    """The colours that palette indices stand for; other pixels as they are."""
    return apply_color_lut(pixels, dataset) if dataset.get("PhotometricInterpretation") == "PALETTE COLOR" else pixels


def _with_gdcm(path: Path, indices: list[int]) -> Iterator[Voxels]:
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError("GDCM cannot read the file")
    image = reader.GetImage()
    dimensions = image.GetDimensions()
    kind = _GDCM_SCALARS[image.GetPixelFormat().GetScalarTypeAsString()]
    buffer = image.GetBuffer().encode("utf-8", "surrogateescape")
    frames = np.frombuffer(buffer, kind).reshape(-1, dimensions[1], dimensions[0])
    for index in indices:
        yield frames[index]
