"""Freed memory goes back to the system."""

import ctypes
import os
import sys
from pathlib import Path

import pytest

from tumorview.app.heap import give_back

BLOCKS, BYTES = 400, 100_000  # below the size that glibc maps, and so returns, by itself


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's heaps are meant"
)
def test_freed_blocks_below_one_in_use_are_given_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    libc.free.argtypes = (ctypes.c_void_p,)
    give_back()
    blocks = [libc.malloc(BYTES) for _ in range(BLOCKS)]
    for block in blocks:
        libc.memset(block, 1, BYTES)
    last = libc.malloc(BYTES)
    for block in blocks:
        libc.free(block)
    kept = resident()
    give_back()
    given = kept - resident()
    libc.free(last)
    assert given > 0.8 * BLOCKS * BYTES
