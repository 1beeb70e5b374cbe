"""Why a run failed, in a sentence, with what can be done about it at the press of a button."""

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from tumorview.app.training_events import Offer, RunFailed, Trouble, half_batch, lower_rate

RESUME = Offer("resume", "Resume")
AGAIN = Offer("resume", "Try again")
HALF_BATCH = Offer("half_batch", "Resume with half the batch", half_batch)
LOWER_RATE = Offer("lower_rate", "Resume with a lower learning rate", lower_rate)
REVISE = Offer("revise", "Change the recipe", revise=True)

# Names of errors that the training process reports -> what they are about.
_KINDS = {
    "TrainingDivergedError": Trouble.DIVERGED,
    "TrainingMemoryError": Trouble.MEMORY,
    "TrainingStorageError": Trouble.STORAGE,
    "TrainingDataError": Trouble.DATA,
    "ModelError": Trouble.MODEL,
}
_OFFERS = {
    Trouble.DIVERGED: (LOWER_RATE, REVISE),
    Trouble.MEMORY: (HALF_BATCH, RESUME),
    Trouble.STORAGE: (AGAIN,),
    Trouble.DATA: (AGAIN,),
    Trouble.MODEL: (AGAIN, REVISE),
    Trouble.KILLED: (RESUME, HALF_BATCH),
    Trouble.CRASHED: (RESUME, HALF_BATCH),
    Trouble.OTHER: (AGAIN, REVISE),
}
_SPARE_BYTES = 20_000_000
_DETAILS = 4000  # characters


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a process that ended without a word.

    ``code`` is its exit code, minus the signal that ended it, None where nobody waited for it; ``out_of_memory`` says
    that the system ended processes for want of memory meanwhile; ``step`` is where the run would go on.
    """

    folder: Path
    data: tuple[Path, ...]
    code: int | None
    out_of_memory: bool
    step: int | None


def explain_error(error: dict[str, str], evidence: Evidence) -> RunFailed:
    """A failure that the training process has told itself."""
    kind = _KINDS.get(error.get("kind", ""), Trouble.OTHER)
    return _failed(kind, error.get("message", ""), error.get("remedy", ""), evidence)


def explain_death(evidence: Evidence) -> RunFailed:
    """A process that ended without a word, from what is around it."""
    code, folder = evidence.code, evidence.folder
    gone = [path for path in evidence.data if not path.exists()]
    if not folder.is_dir():
        text = f"The run's folder {folder} cannot be reached any more."
        return _failed(Trouble.STORAGE, text, "Bring the drive back that it is on.", evidence)
    if (needed := _missing_bytes(folder)) > 0:
        text = f"Training ended because the disk of {folder} is full."
        return _failed(Trouble.STORAGE, text, f"Free at least {needed / 1e6:.0f} MB there.", evidence)
    if code == -getattr(signal, "SIGBUS", 0) or (gone and code not in (None, -9)):
        what = gone[0] if gone else folder
        text = f"A file that training was reading vanished ({what})."
        return _failed(Trouble.DATA, text, "Bring the drive back that the data are on.", evidence)
    if evidence.out_of_memory:
        text = "The computer ran out of memory, and the system ended the training."
        return _failed(Trouble.MEMORY, text, "Close other programs, or train with a smaller batch.", evidence)
    if code is None:
        text = "Training ended while no window watched: it was killed, it crashed, or the computer was switched off."
        return _failed(Trouble.KILLED, text, "Nothing that was saved is lost.", evidence)
    if code in (-9, -15):
        text = "Training was ended from outside, by the system or by somebody."
        return _failed(Trouble.KILLED, text, "If it happens again, memory is short: use a smaller batch.", evidence)
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    text = f"The training program crashed ({how})."
    return _failed(Trouble.CRASHED, text, "If it happens again, please report it with the details.", evidence)


def details_of(errors: Path) -> str:
    """The end of what the training process wrote to standard error."""
    try:
        with errors.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _DETAILS))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def killed_for_memory() -> int | None:
    """How many processes the system has ended for want of memory since it started; None where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def _failed(trouble: Trouble, message: str, remedy: str, evidence: Evidence) -> RunFailed:
    step = evidence.step
    kept = f"Resuming goes on from step {step}." if step is not None else "Nothing had been saved yet: it begins anew."
    details = details_of(evidence.folder / "errors.txt")
    return RunFailed(trouble, message, f"{remedy} {kept}".strip(), _OFFERS[trouble], details)


def _missing_bytes(folder: Path) -> int:
    """How much room is missing for the next checkpoint."""
    try:
        sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
        free = shutil.disk_usage(folder).free
    except OSError:
        return 0
    return max([_SPARE_BYTES, *sizes]) - free
