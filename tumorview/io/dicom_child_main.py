"""What the child process of ``dicom_child`` runs: it decodes frames until its parent closes the pipe."""

import json
import sys
import warnings
from pathlib import Path
from typing import IO, Final

import numpy as np

from tumorview.errors import ReadError
from tumorview.io.dicom_decode import PixelFiles, decode
from tumorview.io.untrusted import PARSER_ERRORS

_FAILURES: Final[tuple[type[Exception], ...]] = (*PARSER_ERRORS, ReadError)


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer every request."""
    files = PixelFiles()
    for line in requests:
        request = json.loads(line)
        path = Path(request["path"])
        try:
            pixels = np.ascontiguousarray(next(decode(files.dataset(path), path, [request["index"]], calm=False)))
        except _FAILURES as error:
            answers.write(json.dumps({"error": type(error).__name__}).encode() + b"\n")
        else:
            answers.write(json.dumps({"shape": pixels.shape, "dtype": pixels.dtype.str}).encode() + b"\n")
            answers.write(pixels.tobytes())
        answers.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(sys.stdin.buffer, sys.stdout.buffer)
