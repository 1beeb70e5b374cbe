"""Uncompressed grey pixels, taken from the file as they lie there: its header needs no second pass."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tumorview.io.dicom_header import Header

_PIXEL_DATA = (0x7FE0, 0x0010)
_BYTES = {8: 1, 16: 2, 32: 4}


@dataclass(frozen=True)
class NativePixels:
    """Where the pixels of a file begin and how they are stored; the ``unused`` highest bits of each mean nothing."""

    offset: int
    shape: tuple[int, int]
    kind: np.dtype[Any]
    unused: int

    @classmethod
    def of(cls, header: Header) -> Self | None:
        """Those of the file with this ``header``; None where its pixels are packed, coloured or not where they say."""
        implicit, little = header.dataset.original_encoding
        allocated = header.whole("BitsAllocated")
        plain = (
            header.pixels_at
            and not header.syntax.is_encapsulated
            and header.whole("SamplesPerPixel", 1) == 1
            and header.values.get("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")
            and allocated in _BYTES
            and (little or allocated == 16)  # bytes of big-endian words change places
        )
        if not plain:
            return None
        at = 8 if implicit else 12
        element = header.start.content[header.pixels_at : header.pixels_at + at]
        end = "<" if little else ">"
        tag, (length,) = struct.unpack_from(f"{end}2H", element), struct.unpack_from(f"{end}I", element, at - 4)
        shape = header.whole("Rows"), header.whole("Columns")
        wanted = shape[0] * shape[1] * header.whole("NumberOfFrames", 1) * _BYTES[allocated]
        offset = header.pixels_at + at
        if tag != _PIXEL_DATA or length != wanted + wanted % 2 or offset + wanted > header.start.size:
            return None
        sign = "i" if header.whole("PixelRepresentation") else "u"
        kind = np.dtype(f"{end}{sign}{_BYTES[allocated]}")
        stored = header.whole("BitsStored")
        return cls(offset, shape, kind, allocated - stored if 0 < stored <= allocated else 0)

    def frames(self, path: Path, indices: Sequence[int]) -> Iterator[npt.NDArray[Any]]:
        """Stored pixels [row, column] of the frames ``indices`` of the file at ``path``."""
        size = self.shape[0] * self.shape[1] * self.kind.itemsize
        with path.open("rb", buffering=0) as file:
            for index in indices:
                file.seek(self.offset + index * size)
                pixels = np.frombuffer(file.read(size), self.kind).reshape(self.shape)
                if self.unused:
                    shift = self.kind.type(self.unused)
                    pixels = np.right_shift(np.left_shift(pixels, shift), shift)
                yield pixels
