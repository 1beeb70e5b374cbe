"""A training process without torch: speaks as ``tumorview train`` does, step by step, as FAKE_TRAINER says."""

import json
import os
import sys
import time
from pathlib import Path

from tumorview.app.training_process import StopWatch, claimed

SCORES = {"dice_pooled": 0.5, "dice_per_volume": 0.4, "flair_dice_pooled": 0.3, "per_patient": {"a": 0.4}}


def say(document: dict) -> None:
    print(json.dumps(document), flush=True)


def checkpoint(out: Path, step: int) -> None:
    """As much of a checkpoint as the window looks at."""
    header = json.dumps({"__metadata__": {"state": json.dumps({"total_step": step})}}).encode()
    partial = out / ".last.part"
    partial.write_bytes(len(header).to_bytes(8, "little") + header)
    partial.replace(out / "last.safetensors")  # killed while writing leaves the old one, as in the real one


def note(out: Path, event: str, **values: object) -> None:
    with (out / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"event": event, **values}) + "\n")


def main() -> None:
    words = sys.argv[1:]
    out = Path(words[words.index("--out") + 1])
    (out / "words.json").write_text(json.dumps(words))
    steps, ending = os.environ.get("FAKE_TRAINER", "5 done").split()
    stop, step = StopWatch(out), 0
    with claimed(out):
        if "--resume" in words:
            length = int.from_bytes((out / "last.safetensors").read_bytes()[:8], "little")
            header = json.loads((out / "last.safetensors").read_bytes()[8 : 8 + length])
            step = json.loads(header["__metadata__"]["state"])["total_step"]
        note(out, "resumed" if step else "started")
        while not stop() and step < int(steps):
            step += 1
            where = {"phase": 1, "phases": 1, "step": step, "steps": int(steps), "total_step": step}
            speed = {"total_steps": int(steps), "images_per_second": 9.0, "eta_seconds": 1.0}
            say({**where, **speed, "lr": 0.1, "loss": 1 / step})
            if step % 2 == 0:
                note(out, "validation", total_step=step, phase=1, loss=1 / step, lr=0.1, **SCORES)
                checkpoint(out, step)
            time.sleep(0.01)
        if stop() or ending == "done":
            checkpoint(out, step)
            say({"completed": not stop(), "total_step": step, "asked": stop.kind})
            stop.clear()
        elif ending == "abort":
            print("Fatal: something broke", file=sys.stderr, flush=True)
            os.abort()
        else:
            say({"error": {"kind": ending, "message": f"It was {ending}.", "remedy": "Do something."}})
            sys.exit(1)


if __name__ == "__main__":
    main()
