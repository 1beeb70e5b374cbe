"""How long the whole program takes: start to visible window, a DICOM series to its first picture, and its memory.

Each measurement runs a process of its own, as a user's double click does; this module is that process too
(``python -m tumorview.gui.bench_program [FOLDER]``).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from tumorview.app.tasks import write_example_series
from tumorview.gui.application import create_window
from tumorview.gui.bench import BenchRow, FrameWatch
from tumorview.gui.main_window import MainWindow

SLICES, SIDE = 200, 512
START_BUDGET_S = 1.5
OPEN_BUDGET_S = 4.0
FIRST_BUDGET_S = 1.5  # the whole volume is read before the first slice is shown, so both are one moment
MEMORY_BUDGET_MB = 600.0
PATIENCE_SECONDS = 120.0


def rows(rounds: int = 3) -> list[BenchRow]:
    """Medians of ``rounds`` processes."""
    with tempfile.TemporaryDirectory() as folder:
        series = Path(folder)
        write_example_series(series, SLICES, SIDE)
        runs = [_run_program(series) for _ in range(rounds)]
    start = statistics.median(seconds for seconds, _, _ in runs)
    opened = statistics.median(seconds for _, seconds, _ in runs)
    measured = [
        _row("start to visible window", start, "s", START_BUDGET_S),
        _row(f"DICOM series {SIDE}x{SIDE}x{SLICES}, opened and painted", opened, "s", OPEN_BUDGET_S),
        _row(f"DICOM series {SIDE}x{SIDE}x{SLICES}, first image (with the volume)", opened, "s", FIRST_BUDGET_S),
    ]
    memory = [megabytes for _, _, megabytes in runs if megabytes is not None]
    if memory:
        measured.append(_row(f"memory with {SIDE}x{SIDE}x{SLICES} int16 open", max(memory), "MB", MEMORY_BUDGET_MB))
    return measured


def _row(name: str, value: float, unit: str, budget: float) -> BenchRow:
    return BenchRow(name, value, unit, f"budget {budget:g} {unit}", budget / value)


def _run_program(series: Path) -> tuple[float, float, float | None]:
    """Seconds to the window, seconds to the painted series, megabytes."""
    command = [sys.executable, "-m", "tumorview.gui.bench_program", str(series), str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=2 * PATIENCE_SECONDS)
    seen = json.loads(done.stdout)
    return seen["start_seconds"], seen["open_seconds"], seen["memory_mb"]


def _measure(series: Path, started: float) -> dict[str, float | None]:
    """In the process of its own: show the window, open the series, look at the clock and at the memory."""
    application = QApplication([])
    with tempfile.TemporaryDirectory() as settings:
        window = create_window(settings_dir=settings)
        watch = FrameWatch(window)
        window.show()
        watch.wait()
        visible = time.time()
        window.open_paths([series])
        _wait(lambda: window.session.study is not None)
        painted = FrameWatch(window.view("axial"))
        window.view("axial").update()
        painted.wait()
        opened = time.time()
        memory = resident_megabytes()
        _close(window)
    application.processEvents()
    return {"start_seconds": visible - started, "open_seconds": opened - visible, "memory_mb": memory}


def resident_megabytes(kind: str = "VmRSS") -> float | None:
    """Memory that this process occupies now; None where the system does not say (only Linux does).

    With ``kind`` "RssAnon" without the pages of files, which the system takes and gives back as it likes.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    line = next(line for line in status.splitlines() if line.startswith(f"{kind}:"))
    return int(line.split()[1]) / 1024


def _wait(done: Callable[[], bool]) -> None:
    until = time.perf_counter() + PATIENCE_SECONDS
    while not done():
        if time.perf_counter() > until:
            raise TimeoutError("the series was not opened")
        QCoreApplication.processEvents()


def _close(window: MainWindow) -> None:
    window.close()
    _wait(lambda: not window.jobs.running)


if __name__ == "__main__":
    json.dump(_measure(Path(sys.argv[1]), float(sys.argv[2])), sys.stdout)
