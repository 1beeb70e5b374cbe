"""Jobs end in one of three ways; the action table is consistent."""

import pytest

from tumorview.app.actions import ACTIONS, ActionState, by_id, menus
from tumorview.app.jobs import Ending, Job, JobContext, run_now


def test_a_job_gives_its_value_and_reports_on_the_way():
    seen, parts = [], []

    def work(context: JobContext) -> int:
        context.part(0.5, 1.0).report(0.5, "half of the second half")
        context.publish("part")
        return 42

    outcome = run_now(Job("work", work), lambda fraction, text: seen.append((fraction, text)), parts.append)
    assert (outcome.ending, outcome.value) == (Ending.DONE, 42)
    assert seen == [(0.75, "half of the second half")]
    assert parts == ["part"]


def test_a_cancelled_job_ends_at_its_next_check():
    def work(context: JobContext) -> None:
        context.token.cancel()
        context.part(0.0, 0.5).check()
        raise AssertionError("went on after the cancel")

    assert run_now(Job("work", work)).ending is Ending.CANCELLED


def test_a_job_cancelled_while_it_finished_is_cancelled():
    outcome = run_now(Job("work", lambda context: context.token.cancel()))
    assert outcome.ending is Ending.CANCELLED


def test_a_failing_job_keeps_its_error():
    outcome = run_now(Job("work", lambda _: 1 / 0))
    assert outcome.ending is Ending.FAILED
    assert isinstance(outcome.error, ZeroDivisionError)


def test_ids_and_shortcuts_are_unique():
    ids = [spec.id for spec in ACTIONS]
    shortcuts = [shortcut for spec in ACTIONS for shortcut in spec.shortcuts]
    assert len(ids) == len(set(ids))
    assert len(shortcuts) == len(set(shortcuts))
    assert all(id_.count(".") == 1 for id_ in ids)


def test_mnemonics_are_unique_within_a_menu():
    for menu in menus():
        letters = [
            spec.title[spec.title.index("&") + 1].lower() for spec in ACTIONS if spec.menu == menu and "&" in spec.title
        ]
        assert len(letters) == len(set(letters)), menu


def test_conditions_follow_the_state():
    nothing, open_study = ActionState(), ActionState(has_study=True)
    assert not by_id("segment.run").enabled(nothing)
    assert by_id("segment.run").enabled(open_study)
    assert not by_id("segment.run").enabled(ActionState(has_study=True, running=True))
    assert by_id("file.open").enabled(nothing)
    with pytest.raises(KeyError):
        by_id("file.nonsense")
