"""Freed memory goes back to the system."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tumorview.app.heap import give_back

HOLES = """
import sys
import numpy as np
from tumorview.app.heap import keep_images_apart
from tests.unit.test_heap import resident
if sys.argv[1] == "apart":
    keep_images_apart()
usual = np.ones(24 << 20, np.uint8)  # glibc takes its size for a usual one from now on
del usual
before = resident()
images, others = [], []
for _ in range(20):
    images.append(np.ones(8 << 20, np.uint8))
    others.append(np.ones(200_000, np.uint8))
images.clear()
print((resident() - before) >> 20)
"""
BLOCKS, BYTES = 400, 100_000  # below the size that glibc maps, and so returns, by itself


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


with_glibc = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's heaps are meant"
)


def held_by_holes(how: str) -> int:
    """Megabytes that a fresh process still has after freeing twenty images between which small blocks were made."""
    root = Path(__file__).parents[2]
    run = [sys.executable, "-c", HOLES, how]
    return int(subprocess.run(run, cwd=root, check=True, capture_output=True, text=True, timeout=60).stdout)


@with_glibc
def test_freed_images_leave_no_holes() -> None:
    assert held_by_holes("as it is") > 100
    assert held_by_holes("apart") < 20


@with_glibc
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
