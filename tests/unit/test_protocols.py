"""A role that was corrected once is right the next time, for any patient of the protocol; no patient is remembered."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorview.app import tasks
from tumorview.app.protocols import LIMIT, remembered, with_correction
from tumorview.app.settings_store import SettingsStore
from tumorview.core.geometry import Geometry
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.io.roles import Acquisition, protocol_of, protocol_of_name

SHAPE = (2, 4, 4)


def series(uid: str, protocol: str, role: Role = Role.OTHER) -> Series:
    return Series(uid, Volume(np.zeros(SHAPE), Geometry.from_spacing(SHAPE, (5, 1, 1))), role, 0.5, protocol=protocol)


def test_a_correction_holds_for_the_next_patient_of_the_protocol() -> None:
    first = Study(Path("a"), (series("1", "x"), series("2", "y")))
    lines = with_correction((), first, first.series[0], Role.T1CE)
    assert lines == ("x/1of1=T1CE",)
    second = Study(Path("b"), (series("8", "y"), series("9", "x")))
    opened = remembered(lines, second)
    assert opened.id == second.id
    assert opened.roles == {"9": Role.T1CE}


def test_the_command_line_takes_corrected_roles_and_says_so(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    study = Study(Path("a"), (series("1", "x"), series("2", "y")))
    assert tasks.with_own_roles(study, store) is study
    store.change(protocol_roles=with_correction((), study, study.series[0], Role.FLAIR))
    corrected = tasks.with_own_roles(study, store)
    assert corrected.reference.uid == "1"
    assert corrected.warnings == ("Roles as you corrected them for this protocol before: FLAIR.",)


def test_series_that_look_alike_are_told_apart_by_their_order() -> None:
    study = Study(Path("a"), (series("pre", "t1", Role.T1), series("post", "t1", Role.T1)))
    lines = with_correction((), study, study.series[1], Role.T1CE)
    again = Study(Path("b"), (series("p", "t1", Role.T1), series("q", "t1", Role.T1)))
    assert remembered(lines, again).roles == {"q": Role.T1CE}
    alone = Study(Path("c"), (series("r", "t1", Role.T1),))
    assert not remembered(lines, alone).roles


def test_a_correction_taken_back_is_forgotten_and_the_list_stays_short() -> None:
    study = Study(Path("a"), (series("1", "x", Role.T2),))
    lines = with_correction((), study, study.series[0], Role.FLAIR)
    assert with_correction(lines, study, study.series[0], Role.T2) == ()
    many = tuple(f"p{n}/1of1=T1" for n in range(LIMIT))
    assert len(with_correction(many, study, study.series[0], Role.FLAIR)) == LIMIT


def test_damaged_lines_and_series_of_unknown_protocol_are_left_alone() -> None:
    study = Study(Path("a"), (series("1", ""), series("2", "x")))
    assert with_correction(("kept",), study, study.series[0], Role.T1) == ("kept",)
    assert not remembered(("nonsense", "x/1of1=NOPE", "/1of1=T1"), study).roles


def test_a_protocol_is_the_same_for_every_patient_and_differs_between_sequences() -> None:
    made = Acquisition("t1_tse_tra +KM", 12.0, 550.0, None, frozenset({"SE"}), contrast_agent=True)
    assert protocol_of(made) == protocol_of(replace(made, repetition_time=552.0))
    assert protocol_of(made) != protocol_of(replace(made, contrast_agent=False))
    assert protocol_of(Acquisition()) == ""


def test_of_a_file_name_only_the_words_of_the_field_count() -> None:
    assert protocol_of_name("MUSTERMANN_19700101_T1_AX_POST") == protocol_of_name("DOE_JOHN_4711_T1_AX_POST")
    assert protocol_of_name("DOE_T1_AX") != protocol_of_name("DOE_T2_AX")
    assert protocol_of_name("MUSTERMANN_HANS") == ""
