"""What the processor at hand is and can: cores, instruction sets, and a fingerprint for remembered measurements."""

import ctypes
import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path

_NATIVE_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 AVX-512 BF16, x86 AMX, Arm (Linux names)


@cache
def cpu_facts() -> tuple[str, frozenset[str]]:
    """Model name and instruction set flags of the processor, as far as the operating system tells."""
    model, flags = platform.processor() or platform.machine(), frozenset[str]()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return model, flags
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            model = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags = frozenset(value.split())
            break
    return model, flags


def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; emulation would be slower than float32."""
    return bool(cpu_facts()[1] & _NATIVE_BFLOAT16)


@cache
def physical_cores() -> int | None:
    """Cores this process may use, without hyper-threads and within a container's quota; None where unknown.

    Convolutions saturate a core's arithmetic, a second thread on it only costs caches. ``OMP_NUM_THREADS``, the
    user's own limit, counts for every engine.
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdecimal() and int(limit) > 0:
        return int(limit)
    if sys.platform == "darwin":
        return _darwin_cores()
    if not hasattr(os, "sched_getaffinity"):
        return None
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        try:
            topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
            siblings.add(topology.read_text(encoding="ascii").strip())
        except OSError:
            siblings.add(str(cpu))
    return max(1, min(len(siblings), _quota() or len(siblings)))


def _quota() -> int | None:
    """Whole processors that the control group grants (rounded up), None without a limit."""
    try:
        granted, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if granted == "max" else -(-int(granted) // int(period))


def _darwin_cores() -> int | None:
    """Performance cores of a Mac: the efficiency cores would hold every layer up."""
    system = ctypes.CDLL(None)
    for name in (b"hw.perflevel0.physicalcpu", b"hw.physicalcpu"):
        value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
        if system.sysctlbyname(name, ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)) == 0:
            return value.value
    return None


def fingerprint(*facts: object) -> str:
    """A key for things measured on this processor: it changes with the machine, its libraries and ``facts``."""
    model, flags = cpu_facts()
    text = "\n".join([model, " ".join(sorted(flags)), str(physical_cores()), *map(str, facts)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]
