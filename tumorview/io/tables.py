"""Tables and documents of plain values: CSV for spreadsheets, JSON for programs. Atomic, and read back."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tumorview.io.atomic import atomic_write_bytes

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take a text for that begins so


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write UTF-8 with one line of names; None is an empty field. Raises WriteError.

    Texts that a spreadsheet would run as a formula get an apostrophe in front.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_field(value) for value in row] for row in rows)
    atomic_write_bytes(path, text.getvalue().encode("utf-8-sig"))  # the mark without which Excel guesses the encoding


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write an indented JSON document. Raises WriteError."""
    atomic_write_bytes(path, (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def _field(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
