"""Thousands of damaged files, each opened: it must end in a study or in a sentence and a remedy, in under five seconds
and one gigabyte, without a crash, a hang or a byte written outside the temporary folder.

``make fuzz`` runs it (``python -m tests.fuzz --inputs 10000``); a short run of the same mutants is part of the tests.
Work is done by processes of their own, so that a crash is a finding and not the end.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.unit.fuzz_corpus import SEEDS, SLOW_SEEDS, write_mutant
from tumorview.errors import TumorViewError
from tumorview.io.registry import open_mask, open_study

SECONDS = 5.0
MEGABYTES = 1024.0
SLOW_SHARE = 25  # one of so many mutants needs the decoder's own process, which takes a second to start
BATCH = 250
BATCH_SECONDS = 1200.0
MODES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate", "os.chmod", "shutil.move")


@dataclass(frozen=True)
class Finding:
    """What is wrong with how one input was opened."""

    seed: str
    number: int
    what: str


def inputs(start: int, stop: int) -> Iterator[tuple[str, int]]:
    """Seed and number of each input."""
    names, slow = list(SEEDS), list(SLOW_SEEDS)
    for number in range(start, stop):
        if number % SLOW_SHARE == SLOW_SHARE - 1:
            yield slow[number // SLOW_SHARE % len(slow)], number
        else:
            yield names[number % len(names)], number


def judge(path: Path, number: int) -> str:
    """What is wrong with how ``path`` opens; "" where nothing is."""
    started, used = time.monotonic(), time.process_time()
    try:
        (open_mask if number % 5 == 0 else open_study)(path)
    except TumorViewError as error:
        if not (error.message and error.remedy):
            return f"an error without a sentence and a remedy: {error!r}"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {error}"
    if time.monotonic() - started > SECONDS and time.process_time() - used > SECONDS / 2:  # not only a busy machine
        return f"took {time.monotonic() - started:.1f} s"
    return ""


def outside(folder: Path) -> list[str]:
    """A list that grows with every attempt to write outside ``folder`` from now on."""
    attempts: list[str] = []
    inside = str(folder.resolve())

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            by_flags = isinstance(flags, int) and flags & MODES
            writes = by_flags or (isinstance(mode, str) and set(mode) & set("wax+"))
            targets = [path] if writes else []
        elif event in CHANGES:
            targets = [value for value in arguments if isinstance(value, str | bytes | os.PathLike)]
        else:
            return
        for target in targets:
            if not isinstance(target, int) and (event == "open" or Path(os.fsdecode(target)).is_absolute()):
                place = os.path.realpath(os.fsdecode(target))
                if not place.startswith((inside, "/dev/")) and "__pycache__" not in place:
                    attempts.append(f"{event} {place}")

    sys.addaudithook(watch)
    return attempts


def peak_megabytes() -> float:
    """The most memory that this process has occupied."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    except OSError:  # elsewhere than on Linux; there a child does not begin with its parent's peak
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def work(start: int, stop: int) -> None:
    """In a process of its own: a JSON line before each input (what a crash is blamed on) and for each finding."""
    folder = Path(tempfile.gettempdir())
    attempts = outside(folder)
    memory = 0.0
    for seed, number in inputs(start, stop):
        print(json.dumps({"begins": [seed, number]}), flush=True)
        place = folder / f"{number}"
        path = write_mutant(seed, number, place)
        what = judge(path, number)
        peak = peak_megabytes()
        if peak > max(MEGABYTES, memory):
            what, memory = what or f"took {peak:.0f} MB", peak
        if attempts:
            what = what or "; ".join(attempts)
            attempts.clear()
        if what:
            print(json.dumps(asdict(Finding(seed, number, what))), flush=True)
    print(json.dumps({"memory": peak_megabytes()}), flush=True)


def run(start: int, stop: int) -> tuple[list[Finding], float]:
    """The findings among the inputs ``start`` to ``stop``, and the most memory that was used, MB."""
    findings: list[Finding] = []
    while start < stop:
        with tempfile.TemporaryDirectory(prefix="tumorview-fuzz-") as folder:
            command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz", "--work", str(start), str(stop)]
            environment = {**os.environ, "TMPDIR": folder}
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=BATCH_SECONDS, check=False, env=environment
                )
                output, code = done.stdout, done.returncode
            except subprocess.TimeoutExpired as hang:
                output, code = (hang.stdout or b"").decode(), -1
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        findings += [Finding(**line) for line in lines if "what" in line]
        if code == 0:
            return findings, lines[-1]["memory"]
        seed, number = next((line["begins"] for line in reversed(lines) if "begins" in line), ("?", start))
        findings.append(Finding(seed, number, f"the process ended with {code}"))
        start = number + 1
    return findings, 0.0


def main() -> int:
    """Run, say how it goes, list what was found; 1 where anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--work", type=int, nargs=2, metavar=("START", "STOP"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return 0
    began, found, memory = time.monotonic(), [], 0.0
    stop = options.start + options.inputs
    for start in range(options.start, stop, BATCH):
        more, peak = run(start, min(start + BATCH, stop))
        found += more
        memory = max(memory, peak)
        done = min(start + BATCH, stop) - options.start
        print(f"{done:,} of {options.inputs:,} inputs, {len(found)} findings", flush=True)
        for finding in more:
            print(f"  {finding.seed} {finding.number}: {finding.what}", flush=True)
    seconds = time.monotonic() - began
    seeds = len(SEEDS) + len(SLOW_SEEDS)
    print(f"{options.inputs:,} inputs of {seeds} seeds: {len(found)} findings; {seconds:.0f} s, up to {memory:.0f} MB")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
