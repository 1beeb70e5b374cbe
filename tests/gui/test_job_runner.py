"""The job runner alone: threads, progress, exclusive groups, cancel, stale outcomes, shutdown."""

import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.gui.job_runner import Handlers, JobProgress, JobRunner


class Study:
    """Whose id the runner asks for."""

    id: str | None = "one"


@pytest.fixture
def study() -> Study:
    return Study()


@pytest.fixture
def runner(qtbot: QtBot, study: Study) -> Iterator[JobRunner]:
    made = JobRunner(lambda: study.id)
    yield made
    assert made.shutdown()


def until_cancelled(context: JobContext) -> None:
    while True:
        context.check()
        time.sleep(0.005)


def test_work_runs_elsewhere_and_is_answered_here(qtbot: QtBot, runner: JobRunner) -> None:
    here = threading.get_ident()
    answers: list[tuple[int, int]] = []
    job = Job("where", lambda _: threading.get_ident())
    with qtbot.waitSignal(runner.idle):
        runner.start(job, Handlers(done=lambda there: answers.append((there, threading.get_ident()))))
        assert runner.running
        assert runner.active == (job,)
    ((there, answered),) = answers
    assert there != here
    assert answered == here
    assert not runner.running


def test_progress_is_throttled_and_ends_with_all(qtbot: QtBot, runner: JobRunner) -> None:
    seen: list[JobProgress] = []
    runner.progressed.connect(seen.append)

    def work(context: JobContext) -> None:
        for step in range(5001):
            context.report(step / 5000, "step")

    with qtbot.waitSignal(runner.idle):
        runner.start(Job("many", work))
    assert seen[-1].fraction == 1.0
    assert len(seen) < 500


def test_an_exception_is_an_outcome(qtbot: QtBot, runner: JobRunner) -> None:
    failed: list[Exception] = []

    def work(_: JobContext) -> None:
        raise ZeroDivisionError

    def leave(_: JobContext) -> None:
        raise SystemExit(3)

    with qtbot.waitSignal(runner.idle):
        runner.start(Job("bad", work), Handlers(failed=failed.append))
    with qtbot.waitSignal(runner.idle):
        runner.start(Job("worse", leave), Handlers(failed=failed.append))
    assert [type(error) for error in failed] == [ZeroDivisionError, RuntimeError]


def test_a_new_job_of_a_group_takes_the_place_of_the_old(qtbot: QtBot, runner: JobRunner) -> None:
    told: list[str] = []
    runner.start(Job("old", until_cancelled, exclusive="g"), Handlers(cancelled=lambda: told.append("old cancelled")))
    runner.start(Job("other", lambda _: None, exclusive="h"), Handlers(done=lambda _: told.append("other done")))
    runner.start(Job("new", lambda _: None, exclusive="g"), Handlers(done=lambda _: told.append("new done")))
    assert told == ["old cancelled"]
    qtbot.waitUntil(lambda: not runner.running)
    assert sorted(told) == ["new done", "old cancelled", "other done"]


def test_nothing_of_a_cancelled_job_is_heard_again(qtbot: QtBot, runner: JobRunner) -> None:
    go = threading.Event()
    told: list[object] = []

    def deaf(context: JobContext) -> str:
        go.wait(5)
        context.publish("part")
        return "value"

    job = Job("deaf", deaf)
    runner.start(job, Handlers(done=told.append, part=told.append, cancelled=lambda: told.append("cancelled")))
    runner.cancel(job)
    assert told == ["cancelled"]
    go.set()
    assert runner.shutdown()
    QApplication.processEvents()
    assert told == ["cancelled"]


def test_the_outcome_for_another_study_is_dropped(qtbot: QtBot, runner: JobRunner, study: Study) -> None:
    go = threading.Event()
    told: list[object] = []
    runner.start(
        Job("late", lambda _: go.wait(5), JobTag("one")),
        Handlers(done=told.append, cancelled=lambda: told.append("cancelled")),
    )
    study.id = "two"
    go.set()
    qtbot.waitUntil(lambda: not runner.running)
    assert told == ["cancelled"]


def test_shutdown_ends_threads_and_takes_no_more(qtbot: QtBot, study: Study) -> None:
    runner = JobRunner(lambda: study.id)
    for number in range(6):  # more than there are threads
        runner.start(Job(str(number), until_cancelled))
    assert runner.shutdown()
    runner.start(Job("late", lambda _: None))
    assert not runner.running


def test_handlers_run_on_the_gui_thread(qtbot: QtBot, runner: JobRunner) -> None:
    threads: list[int] = []
    runner.start(
        Job("parts", lambda context: [context.publish(n) for n in range(3)]),
        Handlers(part=lambda _: threads.append(threading.get_ident())),
    )
    qtbot.waitUntil(lambda: not runner.running)
    assert len(threads) == 3
    assert set(threads) == {threading.get_ident()}
