"""The command line: documents, exit codes, one sentence for bad input and never a traceback."""

import io
import json

import nibabel
import numpy as np
import pytest
from rich.console import Console

from tests.unit.synthetic import SeriesSpec, pattern, write_classic, write_nifti
from tumorview.__main__ import main
from tumorview.app import tasks
from tumorview.app.actions import ACTIONS
from tumorview.cli import COMMANDS, application, output
from tumorview.core.geometry import Geometry, ras_to_lps
from tumorview.core.mask import Mask


@pytest.fixture
def run(capsys):
    def call(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


@pytest.fixture
def masks(tmp_path):
    geometry = Geometry.from_spacing((4, 10, 12), (5.0, 1.0, 2.0))
    truth, prediction = Mask.empty(geometry), Mask.empty(geometry)
    truth.data[1, 2:6, 2:6] = 1
    prediction.data[1, 2:6, 2:4] = 1
    prediction.data[2, 0, 0] = 1
    return (
        tasks.export_nifti(prediction, tmp_path / "prediction.nii.gz"),
        tasks.export_nifti(truth, tmp_path / "truth.nii.gz"),
    )


def test_info_describes_the_sample_study(run):
    code, out, _ = run("info", tasks.sample_path(), "--json")
    document = json.loads(out)
    assert code == 0
    assert [series["role"] for series in document["series"]] == ["T1", "FLAIR", "T1CE"]
    assert document["series"][0]["shape"][1:] == [256, 256]
    assert not document["series"][0]["calibrated"]
    assert document["has_truth"]


def test_a_table_names_uids_whole_and_descriptions_as_they_are(run, tmp_path):
    spec = SeriesSpec(pattern((3, 4, 5)), description="AX [FLAIR] [/pre]")
    write_classic(tmp_path, spec)
    code, out, _ = run("info", tmp_path)
    assert code == 0
    assert spec.series_uid in out
    assert "AX [FLAIR] [/pre]" in out


def test_a_progress_bar_takes_names_as_they_are(monkeypatch):
    monkeypatch.setattr(output, "stderr", Console(file=io.StringIO(), force_terminal=True))
    with output.progress_bar("Reading") as context:
        context.report(0.5, "Reading a [/folder]")
    assert "[/folder]" in output.stderr.file.getvalue()


def test_evaluate_gives_every_metric(run, masks):
    code, out, _ = run("evaluate", "--pred", masks[0], "--truth", masks[1], "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["tp"], document["fp"], document["fn"]) == (8, 1, 8)
    assert document["dice"] == pytest.approx(16 / 25)
    assert document["iou"] == pytest.approx(8 / 17)
    assert document["dice_per_slice"] == pytest.approx((16 / 24 + 0) / 2)
    assert document["dice_paper_protocol"] == pytest.approx((1 + 16 / 24 + 0 + 1) / 4)
    assert document["volume_ml_truth"] == pytest.approx(16 * 10 / 1000)
    assert [row["dice"] is None for row in document["slices"]] == [True, False, False, True]


def test_convert_keeps_voxels_and_places(run, masks, tmp_path):
    code, _, _ = run("convert", masks[0], "-o", tmp_path / "out.nii.gz")
    assert code == 0
    before, after = nibabel.load(masks[0]), nibabel.load(tmp_path / "out.nii.gz")
    assert np.allclose(ras_to_lps(before.affine), ras_to_lps(after.affine), atol=1e-6)
    assert np.array_equal(before.get_fdata(), after.get_fdata())


def test_studies_and_irregular_slices_are_chosen_by_options(run, tmp_path):
    for name, step in (("A", 0.0), ("B", 2.5)):
        spec = SeriesSpec(pattern((8, 10, 12)), study_uid=f"1.2.{ord(name)}", attributes={"PatientID": name})
        positions = [(spec.position(k) + np.array([0, 0, step * (k > 4)])).tolist() for k in range(8)]
        write_classic(
            tmp_path / name, spec, edit=lambda ds, k, at=positions: setattr(ds, "ImagePositionPatient", at[k])
        )
    document = json.loads(run("info", tmp_path, "--study", "1.2.66", "--json")[1])
    assert document["study"] == "1.2.66"
    assert [entry["key"] for entry in document["studies"]] == ["1.2.65", "1.2.66"]
    assert "unevenly spaced" in document["series"][0]["irregular"]
    part = json.loads(run("info", tmp_path, "--study", "1.2.66", "--irregular", "part", "--json")[1])
    assert part["series"][0]["shape"] == [5, 10, 12]
    code, _, error = run("info", tmp_path, "--study", "9")
    assert code == 1
    assert "no study '9'" in error


def test_convert_all_writes_the_series_of_every_study(run, tmp_path):
    for name in ("A", "B"):
        spec = SeriesSpec(pattern((3, 4, 5)), study_uid=f"1.2.{ord(name)}", series_uid=f"1.3.{ord(name)}")
        write_classic(tmp_path / "in" / name, spec)
    code, out, _ = run("convert", tmp_path / "in", "--all", "-o", tmp_path / "out")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1.3.65.nii.gz", "1.3.66.nii.gz"]
    assert len(out.splitlines()) == 2
    code, out, _ = run("convert", tmp_path / "in", "--all", "--study", "1.2.66", "-o", tmp_path / "one")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["1.3.66.nii.gz"]
    for uid in ("1.3.65", "1.3.66"):  # the series of either study, whichever is opened by itself
        assert run("convert", tmp_path / "in", "--series", uid, "-o", tmp_path / f"{uid}.nii.gz")[0] == 0
        assert nibabel.load(tmp_path / f"{uid}.nii.gz").shape == (5, 4, 3)
    code, _, error = run("convert", tmp_path / "in", "--series", "9", "-o", tmp_path / "9.nii.gz")
    assert code == 1
    assert "no series '9'" in error
    assert "1.3.66" in error


def test_convert_all_numbers_files_of_one_name(run, tmp_path):
    for name in ("P1", "P2"):
        for role in ("flair", "t1"):
            grid = Geometry.from_spacing((3, 4, 5), (1, 1, 1))
            write_nifti(tmp_path / "in" / name / f"{role}.nii.gz", pattern((3, 4, 5)), grid)
    assert run("convert", tmp_path / "in", "--all", "-o", tmp_path / "out")[0] == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["nifti-flair-2.nii.gz", "nifti-flair.nii.gz", "nifti-t1-2.nii.gz", "nifti-t1.nii.gz"]


def test_convert_all_writes_one_file_a_series(run, tmp_path):
    code, out, _ = run("convert", tasks.sample_path(), "--all", "-o", tmp_path / "series")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "series").iterdir()) == [
        "lgg-flair.nii.gz",
        "lgg-t1.nii.gz",
        "lgg-t1ce.nii.gz",
    ]
    assert len(out.splitlines()) == 3


def test_actions_are_the_table(run):
    code, out, _ = run("actions", "--json")
    assert code == 0
    assert {row["id"] for row in json.loads(out)} == {spec.id for spec in ACTIONS}


def test_a_model_of_a_run_is_installed_exported_and_deleted(run, tmp_path):
    from tests.unit.finished_runs import write_run

    folder = write_run(tmp_path / "run")
    code, out, _ = run("models", "install", folder, "--name", "Our scanner")
    assert (code, out) == (0, "Installed our-scanner as a candidate\n")
    code, _, error = run("models", "default", "our-scanner")
    assert code == 1
    assert "candidate" in error
    assert run("models", "rename", "our-scanner", "--name", "Theirs")[1] == "our-scanner is Theirs\n"
    package = tmp_path / "theirs.tvmodel"
    assert run("models", "export", "our-scanner", package)[0] == 0
    assert run("models", "delete", "our-scanner")[0] == 0
    assert run("models", "delete", "unet-cbam-lgg")[0] == 1
    assert run("models", "import", package)[1] == "Installed our-scanner\n"
    assert run("models", "default", "our-scanner", "--vouch")[0] == 0
    listed = {row["id"]: row for row in json.loads(run("models", "list", "--json")[1])}
    assert (listed["our-scanner"]["default"], listed["our-scanner"]["title"]) == (True, "Theirs")
    assert run("models", "rollback")[1] == "unet-cbam-lgg is the default for whole tumour again\n"
    assert len(json.loads(run("models", "history", "--json")[1])) == 2
    assert run("models", "rollback")[0] == 1


def test_comparing_something_that_is_no_run_is_a_clear_error(run, tmp_path):
    code, _, error = run("models", "compare", tmp_path)
    assert code == 1
    assert "no model yet" in error


def test_models_are_listed_and_shown(run):
    code, out, _ = run("models", "list", "--json")
    listed = json.loads(out)
    assert code == 0
    assert {"id", "title", "architecture", "width", "weights_sha256", "bundled", "status"} <= set(listed[0])
    assert listed[0]["status"] == "ok"
    code, out, _ = run("models", "show", listed[0]["id"])
    assert code == 0
    assert json.loads(out)["weights_sha256"] == listed[0]["weights_sha256"]


@pytest.mark.e2e
@pytest.mark.slow
def test_the_sample_study_is_segmented_and_agrees_with_its_truth(run, tmp_path):
    code, out, _ = run("segment", tasks.sample_path(), "-o", tmp_path / "mask.nii.gz", "--engine", "torch", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["engine"] == "torch"
    assert document["channels"] == {"T1": "lgg-t1", "FLAIR": "lgg-flair", "T1CE": "lgg-t1ce"}
    code, out, _ = run("evaluate", "--pred", tmp_path / "mask.nii.gz", "--truth", tasks.sample_path(), "--json")
    assert code == 0
    assert json.loads(out)["dice"] > 0.8


def text_file(folder):
    path = folder / "scan.nii.gz"
    path.write_text("this is no image")
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "missing", "does not exist"),
        (lambda folder: folder, "no image"),
        (text_file, "not"),
    ],
    ids=["missing path", "empty folder", "text renamed"],
)
def test_bad_input_is_one_sentence_and_exit_code_1(run, tmp_path, make, said):
    code, out, err = run("info", make(tmp_path), "--json")
    assert code == 1
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_masks_of_different_grids_are_refused_with_both_named(run, masks, tmp_path):
    other = tasks.export_nifti(Mask.empty(Geometry.from_spacing((3, 10, 12), (5.0, 1.0, 2.0))), tmp_path / "o.nii.gz")
    code, _, err = run("evaluate", "--pred", other, "--truth", masks[1])
    assert code == 1
    assert "12 x 10 x 3" in err
    assert "12 x 10 x 4" in err


def test_an_unknown_model_names_those_there_are(run, tmp_path):
    code, _, err = run("segment", tasks.sample_path(), "-o", tmp_path / "m.nii.gz", "--model", "nonsense")
    assert code == 1
    assert "unet-cbam-lgg" in err


def test_an_output_that_cannot_be_written_leaves_nothing(run, masks, tmp_path):
    code, _, err = run("convert", masks[0], "-o", tmp_path / "no" / "such" / "out.nii.gz")
    assert code == 1
    assert "folder" in err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("name", ["no/such/mask.nii.gz", "mask.txt", "no/such/folder"])
def test_segment_refuses_an_output_before_it_computes(run, tmp_path, name, monkeypatch):
    monkeypatch.setattr(tasks, "segment", lambda *_: pytest.fail("computed first"))
    code, _, err = run("segment", tasks.sample_path(), "-o", tmp_path / name)
    assert code == 1
    assert err


@pytest.mark.parametrize("words", [["info"], ["segment", "x"], ["nonsense", "--x"], ["evaluate", "--pred"]])
def test_wrong_usage_is_exit_code_2(words, capsys):
    try:
        code = main(words)
    except SystemExit as ending:  # argparse, for words that are no command
        code = ending.code
    assert code == 2
    assert capsys.readouterr().out == ""


def test_the_words_that_start_a_command_are_those_of_the_application():
    names = {command.name for command in application.app.registered_commands}
    groups = {group.name for group in application.app.registered_groups}
    assert names | groups == COMMANDS


def test_version_and_help(run):
    assert run("--version")[0] == 0
    code, out, _ = run("--help")
    assert code == 0
    assert "not a" in out
