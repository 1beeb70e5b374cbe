"""Freed memory that goes back to the system."""

import ctypes
import sys

# The numbers of mallopt's options in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_IMAGE_BYTES = 4 << 20  # a slice of 1024x1024 float32: below it, blocks are taken again at once while scrolling


def keep_images_apart() -> None:
    """Map blocks as large as volumes each on their own, so that they leave no holes behind when they are freed.

    glibc raises that limit, up to 32 MB, to the size of every block that is freed, and gives threads heaps of their
    own: after opening a few studies more than 100 MB of holes, which differ by what was opened last. To be called
    before threads start.
    """
    set_option = _of_glibc("mallopt")
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _IMAGE_BYTES)
        set_option(_M_TRIM_THRESHOLD, _IMAGE_BYTES)
        set_option(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Return what was freed: glibc keeps it for later."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> "ctypes._NamedFuncPointer | None":
    """A function of the C library, None where it has none of that name (musl, Windows, macOS)."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
