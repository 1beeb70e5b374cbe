"""TumorView against napari: the same scroll and paint work on the same voxels, on the same display, in turns.

``make bench-napari`` sets up napari's environment and runs this. Needs a display with OpenGL for napari; where there is
none it starts Xvfb, for both programs alike. The medians of the rounds are compared, so that a busy moment of the
machine hits both sides.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = {  # our row of the bench, and napari's work that it is compared with
    "scroll": ("wheel step to painted frame, one view", "scroll"),
    "scroll 2x2": ("wheel step to painted frame, 2x2 layout", "scroll"),
    "paint": ("brush move to painted frame, 512x512x200", "paint"),
}


def napari_round(python: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Median and p95 of each work in napari."""
    done = subprocess.run(
        [str(python), str(HERE / "work_in_napari.py"), str(repeats)], capture_output=True, text=True, check=True
    )
    return {row["name"]: row for row in json.loads(done.stdout[done.stdout.index("[") :])}


def tumorview_round() -> dict[str, dict[str, float]]:
    """Median and p95 of each work in TumorView, from its own bench."""
    command = [sys.executable, "-m", "tumorview", "bench", "--no-inference", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    values = {row["name"]: row["value"] for row in json.loads(done.stdout)}
    return {
        work: {"median_ms": values[f"{name}, median"], "p95_ms": values[f"{name}, p95"]}
        for work, (name, _) in OURS.items()
    }


def main() -> None:
    """Run both in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--napari-python", type=Path, default=ROOT / ".venv-napari" / "bin" / "python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=120)
    options = parser.parse_args()
    if "DISPLAY" not in os.environ and shutil.which("xvfb-run"):
        os.execvp("xvfb-run", ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", sys.executable, *sys.argv])
    rounds = [(tumorview_round(), napari_round(options.napari_python, options.repeats)) for _ in range(options.rounds)]
    print("work       figure     TumorView ms   napari ms   napari / TumorView")
    for work, (_, same) in OURS.items():
        for figure in ("median_ms", "p95_ms"):
            ours = statistics.median(mine[work][figure] for mine, _ in rounds)
            theirs = statistics.median(other[same][figure] for _, other in rounds)
            print(f"{work:10} {figure[:-3]:8} {ours:14.1f} {theirs:11.1f} {theirs / ours:12.1f}x")
    print(
        "TumorView shows mask, outlines and ground truth, in one view and in 2x2; napari one view with a mask. "
        "Both until the frame is painted, with OpenGL in software where there is no graphics card."
    )


if __name__ == "__main__":
    main()
