"""Frames that only GDCM decodes: 12-bit lossy JPEG, which pydicom hands to none of its decoders."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.errors import ReadError

_SCALARS = {"UINT8": np.uint8, "INT8": np.int8, "UINT12": np.uint16, "UINT16": np.uint16, "INT16": np.int16}


def decode_with_gdcm(path: Path, indices: list[int]) -> Iterator[npt.NDArray[Any]]:
    """Stored pixels [row, column] of the frames ``indices``; raises ReadError where GDCM is missing or gives up."""
    try:
        import gdcm
    except ImportError as error:
        raise ReadError(
            f"'{path.name}' is packed as 12-bit JPEG, for which no decoder is installed.",
            "Install python-gdcm, or export the study uncompressed.",
        ) from error
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError("GDCM cannot read the file")
    image = reader.GetImage()
    dimensions = image.GetDimensions()
    kind = _SCALARS[image.GetPixelFormat().GetScalarTypeAsString()]
    buffer = image.GetBuffer().encode("utf-8", "surrogateescape")
    frames = np.frombuffer(buffer, kind).reshape(-1, dimensions[1], dimensions[0])
    for index in indices:
        yield frames[index]
