"""Roles from names as hospitals and data sets write them, and from sequence parameters."""

import pytest

from tumorview.core.study import LIKELY, Role
from tumorview.io.roles import Acquisition, role_from_text, role_of

NAMES = {
    Role.FLAIR: [
        "AX FLAIR", "t2_tirm_tra_dark-fluid", "T2 FLAIR", "BraTS-GLI-00001-000-t2f", "Ax T2 FLAIR FS", "flair_tra_post",
        "sub-01_FLAIR", "3D FLAIR SPACE sag", "T2W_FLAIR SENSE", "Flair_subtrMeanDivStd",
    ],
    Role.T1: [
        "AX T1", "t1_se_tra", "T1 AXIAL PRE GAD", "Ax T1 W/O", "T1 nativ", "t1_mprage_sag", "BraTS-GLI-00001-000-t1n",
        "T1 sans gado", "sub-01_T1w", "T1 FLAIR", "T1 ohne KM", "T1W_SE_TRA", "T1 w/o contrast", "MPRAGE sin contraste",
    ],
    Role.T1CE: [
        "AX T1 POST", "T1 +C", "t1_se_tra_KM", "T1 GAD", "t1ce", "T1c_subtrMeanDivStd", "BraTS-GLI-00001-000-t1c",
        "Ax T1 Post Gd", "T1 +GD", "MPRAGE post contrast", "T1w KM", "sub-01_ce-gadolinium_T1w", "T1 C+", "T1Gd",
        "SAG T1 FS +C", "T1 mit KM", "T1 apres gado", "T1 contrasto", "T1_AX_POST_GAD", "AX T1 +",
    ],
    Role.T2: ["AX T2", "t2_tse_tra", "T2 FSE AXIAL", "BraTS-GLI-00001-000-t2w", "T2W_TSE", "T2 CORONAL POST"],
    Role.OTHER: [
        "DWI b1000", "ADC", "ep2d_diff_3scan_trace", "SWI", "3-plane LOC", "localizer", "T2* GRE", "T2 star",
        "perfusion", "TOF 3D", "stir cor", "survey", "PD TSE", "CBV map", "T1 map", "", "scan_0001", "image",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in NAMES.items() for name in names])
def test_role_from_names(role: Role, name: str):
    found, confidence = role_from_text(name)
    assert found is role
    assert (confidence == 0.0) == (role is Role.OTHER and name in ("", "scan_0001", "image"))


SE, GR, IR = frozenset({"SE"}), frozenset({"GR"}), frozenset({"SE", "IR"})


@pytest.mark.parametrize(
    ("made", "role"),
    [
        (Acquisition(echo_time=120, repetition_time=9000, inversion_time=2500, sequence=IR), Role.FLAIR),
        (Acquisition(echo_time=388, repetition_time=5000, inversion_time=1800, sequence=IR), Role.FLAIR),
        (Acquisition(echo_time=12, repetition_time=550, sequence=SE), Role.T1),
        (Acquisition(echo_time=12, repetition_time=550, sequence=SE, contrast_agent=True), Role.T1CE),
        (Acquisition(echo_time=3, repetition_time=1900, inversion_time=900, sequence=GR | IR), Role.T1),
        (Acquisition(echo_time=3, repetition_time=8, sequence=GR), Role.T1),
        (Acquisition(echo_time=10, repetition_time=2000, inversion_time=800, sequence=IR), Role.T1),
        (Acquisition(echo_time=95, repetition_time=4000, sequence=SE), Role.T2),
        (Acquisition(echo_time=25, repetition_time=600, sequence=GR), Role.OTHER),
        (Acquisition(echo_time=80, repetition_time=4000, sequence=frozenset({"EP"})), Role.OTHER),
        (Acquisition(echo_time=60, repetition_time=4000, inversion_time=160, sequence=IR), Role.OTHER),
        (Acquisition(echo_time=15, repetition_time=3000, sequence=SE), Role.OTHER),
        (Acquisition(text="AX FLAIR", kinds=frozenset({"ADC"})), Role.OTHER),
        (Acquisition(text="unnamed", stated_contrast="FLUID_ATTENUATED"), Role.FLAIR),
        (Acquisition(), Role.OTHER),
    ],
)
def test_role_from_parameters(made: Acquisition, role: Role):
    assert role_of(made)[0] is role


def test_parameters_and_name_that_agree_are_surest_and_a_dispute_is_least_sure():
    made = {"echo_time": 120.0, "repetition_time": 9000.0, "inversion_time": 2500.0, "sequence": IR}
    agreed = role_of(Acquisition(text="AX FLAIR", **made))
    alone = role_of(Acquisition(**made))
    disputed = role_of(Acquisition(text="AX T1", **made))
    assert {agreed[0], alone[0], disputed[0]} == {Role.FLAIR}
    assert agreed[1] > alone[1] > disputed[1] >= LIKELY


def test_a_name_that_says_pre_is_believed_over_an_agent_tag_that_the_whole_exam_carries():
    role, confidence = role_of(Acquisition(text="T1 PRE", stated_contrast="T1", contrast_agent=True))
    assert role is Role.T1
    assert confidence == LIKELY


def test_magnetisation_transfer_is_unlikely_as_a_channel():
    role, confidence = role_of(Acquisition(text="T1 CORONAL MAG. TRANSFER", stated_contrast="T1", contrast_agent=True))
    assert role is Role.T1CE
    assert confidence < LIKELY
