"""How the window scrolls while two models are compared: not at all, in its own process, in a child that makes way.

``python benchmarks/scroll_beside_comparison.py DATA RUN`` (DATA: patients in the LGG layout, RUN: a finished run of the
wizard). The model inside is ``unet-cbam-lgg-lite`` on torch; measured in turn, so that whatever else the machine does
meets all three alike.
"""

import argparse
import os
import threading
import time
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication
from scroll_beside_training import scroll

from tumorview.app import tasks
from tumorview.app.child_process import child
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.session import Session
from tumorview.errors import JobCancelled
from tumorview.gui import bench

MODEL = "unet-cbam-lgg-lite"
NOTHING, INSIDE, CHILD = "no comparison", "in the window's process", "in a child that makes way"


def scrolled_beside_thread(session: Session, data: Path, repeats: int, pause: float) -> list[float]:
    """With the networks at work in this process."""
    token, begun = CancelToken(), threading.Event()
    context = JobContext(token, on_progress=lambda fraction, _: begun.set() if fraction > 0.02 else None)

    def work() -> None:
        options = tasks.SegmentOptions(model=MODEL, engine="torch")
        try:
            tasks.evaluate_model(data, options, context=context)
        except JobCancelled:
            return

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    try:
        return scroll(session, repeats, pause)
    finally:
        token.cancel()
        thread.join()


def scrolled_beside_child(session: Session, run: Path, repeats: int, pause: float) -> list[float]:
    """With the comparison as the wizard starts it."""
    words = ["models", "compare", str(run), "--engine", "torch", "--background", "--json-lines"]
    with child(words) as process:
        begun = time.monotonic()
        assert process.process.stdout is not None
        for line in process.process.stdout:
            if b"Segmenting" in line:
                break
        print(f"  (the child began to segment after {time.monotonic() - begun:.0f} s)")
        return scroll(session, repeats, pause)


def main() -> None:
    """Measure in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path, help="a finished run of the wizard")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.03, help="seconds between wheel steps")
    chosen = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication([])
    session = bench.example_session()
    measured: dict[str, list[float]] = {NOTHING: [], INSIDE: [], CHILD: []}
    for _ in range(chosen.rounds):
        measured[NOTHING] += scroll(session, chosen.repeats, chosen.pause)
        measured[INSIDE] += scrolled_beside_thread(session, chosen.data, chosen.repeats, chosen.pause)
        measured[CHILD] += scrolled_beside_child(session, chosen.run, chosen.repeats, chosen.pause)
    application.processEvents()
    for name, values in measured.items():
        median, late, most = np.percentile(values, (50, 95, 100))
        print(f"{name:30} median {median:6.1f} ms  p95 {late:6.1f} ms  longest {most:6.1f} ms")


if __name__ == "__main__":
    main()
