"""Generated parts of a page: what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` is replaced."""

import re
from pathlib import Path


def replace_part(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the markers of ``name``; both have to be there once."""
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name}:begin[^>]*-->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    if len(pattern.findall(before)) != 1:
        raise SystemExit(f"{page} needs the markers of {name!r} once")
    page.write_text(pattern.sub(lambda match: f"{match[1]}{text.strip()}\n{match[2]}", before), encoding="utf-8")
