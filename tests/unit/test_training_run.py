"""Following a training process: pause, resume, stop, find it again, and what is said when it dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tumorview.app import training_process as processes
from tumorview.app import training_run as runs
from tumorview.app import training_trouble as trouble
from tumorview.app.training_events import Curves, Offer, RunFailed, RunState, Trouble, Validated, half_batch
from tumorview.app.training_feed import NewLines
from tumorview.app.training_process import STOP_NAME, StopKind, StopWatch, Trainer, claimed, trainer_of
from tumorview.app.training_run import TrainingRun
from tumorview.errors import TrainingError
from tumorview.ml.recipes import Phase, Recipe, load_recipe, recipe_text
from tumorview.ml.training_report import TrainProgress, ValidationScores

ROOT = Path(__file__).resolve().parents[2]
FAKE = [sys.executable, str(Path(__file__).with_name("fake_trainer.py"))]
ENDLESS = "100000 done"
PATIENCE = 30.0
MakeRun = Callable[[], TrainingRun]


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRun]:
    """Runs of one folder, as windows that are opened one after another see it; nothing is left running."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "data").mkdir()
    recipe = Recipe("fake", "Fake", (Phase(size=32, steps=8, batch=6, lr=0.3),))
    (tmp_path / "recipe.toml").write_text(recipe_text(recipe))
    made: list[TrainingRun] = []

    def make() -> TrainingRun:
        run = TrainingRun(tmp_path / "run", [tmp_path / "data"], tmp_path / "recipe.toml", command=FAKE)
        made.append(run)
        return run

    yield make
    for run in made:
        if (child := run._child) is not None:
            child.kill()
            child.wait()
    if (left := trainer_of(tmp_path / "run")) is not None:
        left.kill()


def until(run: TrainingRun, *states: RunState) -> None:
    """Follow a run until it is in one of these states."""
    end = time.monotonic() + PATIENCE
    while run.poll() not in states:
        assert time.monotonic() < end, f"{run.state} and not {states}"
        time.sleep(0.01)


def moves(run: TrainingRun) -> None:
    """Follow a run until it has made a step more."""
    before, end = run.progress and run.progress.total_step, time.monotonic() + PATIENCE
    while (run.progress and run.progress.total_step) == before:
        run.poll()
        assert time.monotonic() < end
        time.sleep(0.01)


# a whole run
def test_a_run_is_followed_from_start_to_end(make_run: MakeRun):
    run = make_run()
    states, steps, scores, ended = [], [], [], []
    run.state_changed.connect(states.append)
    run.progressed.connect(lambda one: steps.append(one.total_step))
    run.validated.connect(lambda one: scores.append(one.total_step))
    run.finished.connect(ended.append)
    assert run.poll() is RunState.NEW
    run.start()
    until(run, RunState.FINISHED)
    assert states[-1] is RunState.FINISHED
    assert set(states) <= {RunState.STARTING, RunState.RUNNING, RunState.FINISHED}
    assert steps == [1, 2, 3, 4, 5]
    assert scores == [2, 4]
    assert [(one.completed, one.total_step, one.asked) for one in ended] == [(True, 5, None)]
    assert run.curves.loss == {step: 1 / step for step in steps}
    assert run.poll() is RunState.FINISHED
    assert len(ended) == 1  # told once


def test_a_paused_run_goes_on_where_it_was(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    run.ask(StopKind.PAUSE)
    until(run, RunState.PAUSED)
    assert not (run.folder / STOP_NAME).exists()
    assert trainer_of(run.folder) is None
    reached = max(run.curves.loss)
    monkeypatch.setenv("FAKE_TRAINER", f"{reached + 3} done")
    run.start()
    until(run, RunState.FINISHED)
    assert "--resume" in json.loads((run.folder / "words.json").read_text())
    assert list(run.curves.loss) == list(range(1, reached + 4))


def test_starting_a_run_that_is_under_way_does_nothing(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    who = trainer_of(run.folder)
    make_run().start()
    moves(run)
    assert trainer_of(run.folder) == who


@pytest.mark.parametrize("when", ["running", "paused"])
def test_a_stopped_run_is_done_also_for_the_next_window(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, when: str):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    if when == "paused":
        run.ask(StopKind.PAUSE)
        until(run, RunState.PAUSED)
    run.ask(StopKind.STOP)
    until(run, RunState.STOPPED)
    assert make_run().poll() is RunState.STOPPED


def test_a_run_that_does_not_answer_can_be_ended(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    run.kill()
    until(run, RunState.PAUSED)


# finding it again
STARTER = """
import sys, time
from pathlib import Path
from tumorview.app.training_run import TrainingRun
folder, fake = map(Path, sys.argv[1:])
run = TrainingRun(folder / "run", [folder / "data"], folder / "recipe.toml", command=[sys.executable, str(fake)])
run.start()
while run.progress is None:
    run.poll()
    time.sleep(0.01)
print("moving", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_a_run_outlives_the_window_that_started_it(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    script = tmp_path / "window.py"
    script.write_text(STARTER)
    with subprocess.Popen([sys.executable, script, tmp_path, FAKE[1]], stdout=subprocess.PIPE) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == b"moving\n"
        window.kill()
    run = make_run()
    assert run.poll() is RunState.RUNNING
    assert len(run.curves.loss) >= 1  # what went before is there too
    moves(run)
    run.ask(StopKind.PAUSE)
    until(run, RunState.PAUSED)


def test_letting_go_leaves_the_process_alone(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    run.release()
    again = make_run()
    assert again.poll() is RunState.RUNNING
    moves(again)
    again.kill()
    until(again, RunState.PAUSED)


def test_a_number_given_to_another_program_is_never_signalled(make_run: MakeRun):
    """The run's process is gone, its number belongs to somebody else now."""
    run = make_run()
    run.folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as innocent:
        claim = Trainer(innocent.pid, "another start", Trainer.me().host, "yesterday")
        (run.folder / processes.PROCESS_NAME).write_text(json.dumps(
            {"pid": claim.pid, "started": claim.started, "host": claim.host, "since": claim.since}
        ))  # fmt: skip
        assert not claim.alive
        assert not claim.kill()
        assert not claim.terminate()
        assert run.poll() is RunState.NEW
        run.kill()
        assert innocent.poll() is None
        with claimed(run.folder):  # and it keeps nobody from training
            assert trainer_of(run.folder) == Trainer.me()
        innocent.kill()


def test_two_processes_never_train_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with claimed(tmp_path):
        with pytest.raises(TrainingError, match="is being trained already, by process"), claimed(tmp_path):
            pass
        monkeypatch.setenv("RANK", "1")
        with claimed(tmp_path):  # the second process of torchrun, or of another machine, belongs to the first
            pass
    assert trainer_of(tmp_path) is None


def test_who_trains_on_another_machine_is_left_alone(tmp_path: Path):
    (tmp_path / processes.PROCESS_NAME).write_text(
        json.dumps({"pid": 1, "started": "x", "host": "elsewhere", "since": "today"})
    )
    with pytest.raises(TrainingError, match="by process 1 on elsewhere") as caught, claimed(tmp_path):
        pass
    assert processes.PROCESS_NAME in caught.value.remedy
    assert not trainer_of(tmp_path).kill()


def test_a_request_that_a_killed_process_did_not_answer_is_forgotten(tmp_path: Path):
    processes.request_stop(tmp_path, StopKind.STOP)
    os.utime(tmp_path / STOP_NAME, (1, 1))
    assert not StopWatch(tmp_path)()
    processes.request_stop(tmp_path, StopKind.STOP)
    watch = StopWatch(tmp_path)
    assert watch()
    assert watch.kind is StopKind.STOP


@pytest.mark.skipif(sys.platform != "linux", reason="priorities have other names there")
@pytest.mark.parametrize(("awaited", "lowered"), [(False, "19"), (True, "5")])
def test_training_makes_way_for_other_programs(awaited: bool, lowered: str):
    script = (
        f"import os; from tumorview.app.training_process import stay_in_background as f; f(awaited={awaited}); "
        "print(os.nice(0), os.environ['OMP_NUM_THREADS'], open('/proc/self/oom_score_adj').read())"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    own = os.nice(0)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                          env={**environment, "PYTHONPATH": str(ROOT)})  # fmt: skip
    nice, threads, score = done.stdout.split()
    assert (nice, threads, score) == (str(min(19, own + int(lowered))), str(max(1, (os.cpu_count() or 2) - 1)), "800")


# trouble
@pytest.mark.parametrize(
    ("kind", "wanted", "offers"),
    [
        ("TrainingDivergedError", Trouble.DIVERGED, ["lower_rate", "revise"]),
        ("TrainingMemoryError", Trouble.MEMORY, ["half_batch", "resume"]),
        ("TrainingStorageError", Trouble.STORAGE, ["resume"]),
        ("TrainingDataError", Trouble.DATA, ["resume"]),
        ("ModelError", Trouble.MODEL, ["resume", "revise"]),
        ("TrainingError", Trouble.OTHER, ["resume", "revise"]),
    ],
)
def test_a_failure_comes_with_what_to_do(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, kind: str, wanted: Trouble, offers: list[str]
):
    monkeypatch.setenv("FAKE_TRAINER", f"3 {kind}")
    run = make_run()
    told: list[RunFailed] = []
    run.failed.connect(told.append)
    run.start()
    until(run, RunState.FAILED)
    assert told == [run.failure]
    assert run.failure.trouble is wanted
    assert run.failure.message == f"It was {kind}."
    assert run.failure.remedy == "Do something. Resuming goes on from step 2."
    assert [offer.name for offer in run.failure.offers] == offers


def test_the_same_failure_again_is_told_again(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", "3 TrainingDataError")
    run = make_run()
    told: list[RunFailed] = []
    run.failed.connect(told.append)
    for times in (1, 2):
        run.start()
        run._child.wait()  # without a look in between
        run.poll()
        assert len(told) == times


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
@pytest.mark.parametrize(("starved", "wanted"), [(False, Trouble.KILLED), (True, Trouble.MEMORY)])
def test_a_killed_run_says_so_and_goes_on_with_a_smaller_batch(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, starved: bool, wanted: Trouble
):
    counts = iter([7, 8 if starved else 7])
    monkeypatch.setattr(runs.trouble, "killed_for_memory", lambda: next(counts))
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    while len(run.curves.validations) < 2:
        moves(run)
    os.kill(trainer_of(run.folder).pid, signal.SIGKILL)
    until(run, RunState.FAILED)
    assert run.failure.trouble is wanted
    step = max(run.curves.validations)  # the checkpoint follows the validation: the kill may have come between
    assert any(f"goes on from step {saved}" in run.failure.remedy for saved in (step, step - 2))
    offer = next(one for one in run.failure.offers if one.name == "half_batch")
    monkeypatch.setattr(runs.trouble, "killed_for_memory", lambda: 8)
    run.start(offer)
    moves(run)
    words = json.loads((run.folder / "words.json").read_text())
    assert load_recipe(words[words.index("--recipe") + 1]).phases[0].batch == 3
    assert list(run.curves.loss) == sorted(run.curves.loss)  # what was done again replaced what was lost
    run.kill()


def test_a_crash_keeps_what_it_said(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", "1 abort")
    run = make_run()
    run.start()
    until(run, RunState.FAILED)
    assert run.failure.trouble is Trouble.CRASHED
    assert "signal 6" in run.failure.message
    assert "it begins anew" in run.failure.remedy
    assert "Fatal: something broke" in run.failure.details


def test_a_program_that_cannot_start_is_a_failure_with_details(make_run: MakeRun):
    run = make_run()
    run._command = [sys.executable, "-c", "raise ImportError('no torch here')"]
    run.start()
    until(run, RunState.FAILED)
    assert run.failure.trouble is Trouble.CRASHED
    assert "no torch here" in run.failure.details


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_a_run_that_died_unwatched_is_found_and_resumed(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    first = make_run()
    first.start()
    while len(first.curves.validations) < 2:
        moves(first)
    os.kill(trainer_of(first.folder).pid, signal.SIGKILL)
    first._child.wait()
    run = make_run()
    assert run.poll() is RunState.FAILED
    assert "while no window watched" in run.failure.message
    monkeypatch.setenv("FAKE_TRAINER", f"{max(run.curves.loss) + 2} done")
    run.start()
    until(run, RunState.FINISHED)


def test_a_folder_on_a_drive_that_is_gone_is_named(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    run._child.kill()
    run._child.wait()
    shutil.rmtree(run.folder)
    until(run, RunState.FAILED)
    assert run.failure.trouble is Trouble.STORAGE
    assert str(run.folder) in run.failure.message


def test_a_death_beside_a_full_disk_is_blamed_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trouble.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 100, 5_000_000))
    failed = trouble.explain_death(trouble.Evidence(tmp_path, (), 120, False, 40))
    assert failed.trouble is Trouble.STORAGE
    assert "Free at least 15 MB" in failed.remedy


def test_a_folder_that_cannot_be_written_is_refused_at_once(make_run: MakeRun, tmp_path: Path):
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(TrainingError, match="could not be started"):
        make_run().start()


def test_a_full_disk_does_not_keep_a_run_from_stopping(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    run = make_run()
    run.start()
    moves(run)
    monkeypatch.setattr(runs, "request_stop", full)
    run.ask(StopKind.PAUSE)  # by a signal, which the real process answers with a checkpoint
    run._child.wait(PATIENCE)
    assert run.poll() in {RunState.FAILED, RunState.PAUSED}


# reading
def test_lines_are_read_when_they_are_whole(tmp_path: Path):
    path = tmp_path / "lines"
    lines = NewLines(path)
    assert list(lines.read()) == []
    path.write_bytes(b'{"a": 1}\n{"b": ')
    assert list(lines.read()) == [{"a": 1}]
    with path.open("ab") as file:
        file.write(b'2}\ntorn {"c"\n[3]\n{"d": 4}\n')
    assert list(lines.read()) == [{"b": 2}, {"d": 4}]
    path.write_bytes(b'{"e": 5}\n')
    assert list(lines.read()) == [{"e": 5}]


def test_curves_of_a_resumed_run_have_each_step_once():
    curves = Curves()
    for step, loss in ((10, 1.0), (20, 0.9), (30, 0.8), (20, 0.7), (25, 0.6)):
        curves.add(TrainProgress(1, 1, step, 40, step, 40, loss, 0.1, 9.0, 1.0))
    assert curves.loss == {10: 1.0, 20: 0.7, 25: 0.6}


def test_the_best_validation_is_of_the_last_phase():
    curves = Curves()
    for step, phase, dice in ((10, 1, 0.9), (20, 2, 0.5), (30, 2, 0.7), (40, 2, 0.6)):
        scores = ValidationScores(dice, dice, dice, {})
        curves.add(Validated(step, phase, 0.5, 0.1, scores))
    assert curves.best.total_step == 30


def test_half_of_one_slice_is_one():
    recipe = Recipe("r", "r", (Phase(size=32, steps=1, batch=1, lr=1.0), Phase(size=32, steps=1, batch=5, lr=1.0)))
    assert [phase.batch for phase in half_batch(recipe).phases] == [1, 2]
    assert Offer("x", "y").change is None
