"""The log and the diagnostic report know nothing of a patient."""

import json
import logging

import pytest

from tumorview.app.diagnostics import report
from tumorview.app.program_log import LINES, NAME, PATH, Privacy, ProgramLog
from tumorview.app.settings import Settings

log = logging.getLogger("tumorview.test")


@pytest.fixture
def program_log(tmp_path):
    started = ProgramLog(tmp_path / "logs")
    yield started
    started.stop()


@pytest.mark.parametrize(
    "text",
    [
        "cannot read /data/Doe Jane/scan 1.nii.gz now",
        "cannot read '/data/Doe Jane/series' now",
        "cannot read C:\\Users\\Doe Jane\\scan.dcm now",
        "[Errno 2] No such file or directory: '/home/x/Doe.dcm'",
        "cannot read \\\\server\\share\\Doe.png",
        "opened Doe_Jane_FLAIR.nii.gz as FLAIR",
        'at "D:/Doe" and /mnt/Doe',
    ],
)
def test_paths_and_file_names_are_masked(text):
    cleaned = Privacy().cleaned(text)
    assert "Doe" not in cleaned
    assert "Jane" not in cleaned
    assert PATH in cleaned


def test_ordinary_words_stay():
    text = "TumorView 0.1.0 starts on 2 cores, 3.5 ms/slice; window/level 40, and/or"
    assert Privacy().cleaned(text) == text


def test_hidden_names_are_masked_in_any_case_and_as_words_only():
    privacy = Privacy()
    privacy.hide(["DOE^JANE", "Doe Jane  4711", "TCGA_HT_8018"])
    assert privacy.cleaned("doe with 4711, of tcga_ht_8018") == f"{NAME} with {NAME}, of {NAME}"
    assert privacy.cleaned("janeway does") == "janeway does"


def test_messages_arguments_and_exceptions_reach_memory_and_disk_without_names(program_log):
    program_log.privacy.hide(["Doe Jane"])
    log.info("opened %s for %s", "/data/Doe Jane/a.nii", "Jane")
    try:
        raise ValueError("/data/Doe Jane/a.nii is bad: Doe")
    except ValueError:
        log.exception("failed")
    program_log.stop()
    on_disk = program_log.file.read_text(encoding="utf-8")
    for text in ("\n".join(program_log.lines), on_disk):
        assert "Doe" not in text
        assert "Jane" not in text
        assert "ValueError" in text
        assert "test_program_log.py line" in text
        assert "/" not in text.split("ValueError")[1]


def test_the_memory_is_a_ring_and_nothing_is_heard_after_the_end(program_log):
    for number in range(LINES + 10):
        log.info("line %d", number)
    assert len(program_log.lines) == LINES
    assert program_log.lines[-1].endswith(f"line {LINES + 9}")
    program_log.stop()
    log.warning("too late")
    assert "too late" not in program_log.lines[-1]


def test_a_folder_that_cannot_be_made_costs_only_the_file(tmp_path, capsys):
    blocker = tmp_path / "file"
    blocker.write_text("")
    started = ProgramLog(blocker / "logs")
    log.info("still there")
    started.stop()
    assert started.file is None
    assert "still there" in started.lines[-1]
    assert "No log file" in capsys.readouterr().err


def test_the_report_has_the_machine_and_the_settings_but_no_path(tmp_path):
    engines = tmp_path / "cache" / "engines"
    engines.mkdir(parents=True)
    (engines / "a.json").write_text(
        json.dumps({"fastest": "torch/cpu/float32", "ms_per_slice": {"torch/cpu/float32": 9.5}})
    )
    (engines / "b.json").write_text("broken")
    settings = Settings(
        theme="light",
        recent=("/data/Doe Jane/a.nii",),
        last_folder="/data/Doe Jane",
        export_folder="/data/Doe Jane",
        model_folder="/data/Doe",
    )
    text = report(settings, folder=tmp_path, lines=["one", "two"], display={"Screen 1": "1920x1080 at 2"})
    assert "Doe" not in text
    assert str(tmp_path) not in text
    for said in ("TumorView: ", "Python: ", "Processor: ", 'theme: "light"', "1920x1080 at 2", "two"):
        assert said in text
    assert "torch/cpu/float32 is fastest (torch/cpu/float32 9.5 ms)" in text
    assert "cannot be read" in text
