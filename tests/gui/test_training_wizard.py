"""The training wizard's own pages: cases in and out, the split by patient, the recipe, and coming back."""

from collections.abc import Iterator
from pathlib import Path

import doubles
import pytest
from doubles import MakeWindow
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from test_accessibility import controls, faults, visited

from tests.unit.lgg_layout import write_patient
from tumorview.app.jobs import JobContext
from tumorview.app.session import Session
from tumorview.app.settings_store import SettingsStore
from tumorview.app.training_cases import Layout
from tumorview.app.training_flow import PageId, TrainingFlow
from tumorview.app.training_import import import_cases
from tumorview.app.training_plan import Side
from tumorview.app.training_recipe import BaseModel, Budget
from tumorview.gui import theme
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.main_window import MainWindow
from tumorview.gui.wizard.case_table import CASE, STATE
from tumorview.gui.wizard.data_page import DataPage
from tumorview.gui.wizard.page import WizardServices
from tumorview.gui.wizard.recipe_page import RecipePage
from tumorview.gui.wizard.shell import TrainingWizard
from tumorview.gui.wizard.split_page import SplitPage
from tumorview.ml.training_estimate import TrainingEstimate

PATIENCE = 60_000  # ms, for cases to be read on a busy machine
ESTIMATE = TrainingEstimate(256, 8, 2.0, 0.1, 10**9, "cpu")


@pytest.fixture(autouse=True)
def _no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring and varying have tests of their own."""
    monkeypatch.setattr("tumorview.gui.wizard.recipe_page.measure_recipe", lambda *_: ESTIMATE)
    picture = doubles.np.zeros((8, 8, 3), doubles.np.uint8)
    monkeypatch.setattr("tumorview.gui.wizard.augment_preview.augmented", lambda *_: [picture + n for n in range(6)])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(5):
        write_patient(folder, f"P{number}", slices=2, seed=number + 1)
    write_patient(folder, "Q", slices=2, seed=9)
    (folder / "Q" / "Q_1_mask.tif").unlink()
    return folder


@pytest.fixture
def wizard(qtbot: QtBot, tmp_path: Path) -> Iterator[TrainingWizard]:
    """Without the main window, which takes a second to make."""
    store = SettingsStore(tmp_path / "settings")
    theme.apply(QApplication.instance(), "dark")
    jobs = JobRunner(lambda: None)
    services = WizardServices(Session(), jobs, lambda: store.current, store.folder, store.folder / "models")
    bases = [BaseModel("unet-cbam-lgg", "Bundled", True, 32), BaseModel("bad", "bad", False, problem="It is broken.")]
    made = TrainingWizard(TrainingFlow.create(tmp_path / "training", "Own model", lambda: bases), services)
    made.store = store
    made.show()
    yield made
    made.retire()
    jobs.shutdown()
    made.deleteLater()


def opened(window: MainWindow) -> TrainingWizard:
    window.actions["train.wizard"].trigger()
    assert window.training.wizard is not None
    return window.training.wizard


def settled(qtbot: QtBot, wizard: TrainingWizard) -> None:
    qtbot.waitUntil(lambda: not wizard.services.jobs.running, timeout=PATIENCE)


def data_page(wizard: TrainingWizard) -> DataPage:
    page = wizard.page(PageId.DATA)
    assert isinstance(page, DataPage)
    return page


def with_cases(qtbot: QtBot, wizard: TrainingWizard, data: Path) -> DataPage:
    page = data_page(wizard)
    page.add([data])
    settled(qtbot, wizard)
    return page


def at_recipe(qtbot: QtBot, wizard: TrainingWizard, data: Path) -> RecipePage:
    with_cases(qtbot, wizard, data)
    qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)
    settled(qtbot, wizard)
    page = wizard.page(PageId.RECIPE)
    assert isinstance(page, RecipePage)
    return page


def dialog_of(wizard: TrainingWizard) -> QMessageBox:
    (box,) = wizard.findChildren(QMessageBox, "error_dialog")
    return box


# ---- cases ---------------------------------------------------------------------------------------------------------


def test_the_wizard_leaves_the_viewer_usable(make_window: MakeWindow):
    wizard = opened(make_window())
    assert wizard.isVisible()
    assert wizard.windowModality() is Qt.WindowModality.NonModal
    assert not wizard.next.isEnabled()
    assert "three patients" in wizard.hint.full_text()


def test_cases_of_a_folder_are_listed_with_pictures_and_problems(
    qtbot: QtBot, wizard: TrainingWizard, data: Path, monkeypatch: pytest.MonkeyPatch
):
    page = data_page(wizard)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(data))
    qtbot.mouseClick(page.add_folder, Qt.MouseButton.LeftButton)
    assert not wizard.next.isEnabled()
    settled(qtbot, wizard)
    assert [page.table.item(row, CASE).text() for row in range(6)] == ["P0", "P1", "P2", "P3", "P4", "Q"]
    assert not page.table.item(0, CASE).icon().isNull()
    assert page.table.item(5, STATE).text() == "No mask"
    page.table.setCurrentCell(5, CASE)
    assert "1 of 2 slices have no mask file" in page.details.text()
    assert "NAME_mask" in page.details.text()
    assert page.summary.text() == "5 cases of 5 patients take part, 1 do not"
    assert wizard.next.isEnabled()
    assert not page.waiting.isVisible()


def test_a_case_is_left_out_with_one_click_and_by_the_keyboard(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    page = with_cases(qtbot, wizard, data)
    page.table.item(1, CASE).setCheckState(Qt.CheckState.Unchecked)
    assert [case.title for case in wizard.flow.state.cases if case.excluded] == ["P1"]
    page.table.setCurrentCell(2, CASE)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert [case.title for case in wizard.flow.state.cases if case.excluded] == ["P1", "P2"]
    assert page.table.item(2, STATE).text() == "Excluded"
    assert page.toggle.text() == "&Include"
    qtbot.mouseClick(page.toggle, Qt.MouseButton.LeftButton)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert [case.title for case in wizard.flow.state.cases] == ["P0", "P1", "P3", "P4", "Q"]
    assert (data / "P2").is_dir()


def test_reading_can_be_cancelled_and_what_was_read_stays(
    qtbot: QtBot, wizard: TrainingWizard, data: Path, monkeypatch: pytest.MonkeyPatch
):
    def read_one_and_wait(folder: Path, cases: list, sources: list, context: JobContext) -> None:
        import_cases(folder, cases, [data / "P0"], context)
        while True:
            context.check()

    page = data_page(wizard)
    monkeypatch.setattr("tumorview.gui.wizard.data_page.import_cases", read_one_and_wait)
    page.add([data])
    qtbot.waitUntil(lambda: bool(page._arrived), timeout=PATIENCE)
    qtbot.mouseClick(page.cancel, Qt.MouseButton.LeftButton)
    assert not page.importing
    monkeypatch.setattr("tumorview.gui.wizard.data_page.import_cases", import_cases)
    assert [case.title for case in wizard.flow.state.cases] == ["P0"]
    assert page.add_folder.isEnabled()
    with_cases(qtbot, wizard, data)
    assert len(wizard.flow.state.cases) == 6


def test_a_folder_without_cases_is_told_and_changes_nothing(qtbot: QtBot, wizard: TrainingWizard, tmp_path: Path):
    (tmp_path / "nothing").mkdir()
    page = data_page(wizard)
    page.add([tmp_path / "nothing"])
    settled(qtbot, wizard)
    box = dialog_of(wizard)
    assert "No case was found" in box.text()
    box.close()
    assert page.add_folder.isEnabled()


def test_folders_may_be_dropped(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    page = data_page(wizard)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(data))])
    none = Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none))
    settled(qtbot, wizard)
    assert len(wizard.flow.state.cases) == 6


def test_the_open_corrected_study_is_added_with_its_mask(
    qtbot: QtBot, window: MainWindow, segmenter: doubles.FakeSegmenter
):
    wizard = opened(window)
    page = data_page(wizard)
    assert not page.add_open.isEnabled()
    doubles.run_segmentation(qtbot, window)
    assert page.add_open.isEnabled()
    before = window.session.mask.data.copy()
    qtbot.mouseClick(page.add_open, Qt.MouseButton.LeftButton)
    settled(qtbot, wizard)
    (case,) = wizard.flow.state.cases
    assert (case.layout, case.usable) == (Layout.OPEN, True)
    assert doubles.np.array_equal(window.session.mask.data, before)


def test_names_of_patients_are_hidden_where_the_user_wants_it(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    wizard.store.change(hide_identity=True)
    page = with_cases(qtbot, wizard, data)
    assert page.table.item(0, CASE).text() == "Case 001"
    for row in range(6):
        page.table.setCurrentCell(row, CASE)
        said = [page.details.text(), *(page.table.item(row, column).toolTip() for column in range(7))]
        assert not [text for text in said if f"P{row}" in text or data.name in text]
    wizard.go_on()
    split = wizard.page(PageId.SPLIT)
    shown = [split.table.item(row, column).text() for row in range(5) for column in range(5)]
    assert not [text for text in shown if text in {f"P{n}" for n in range(5)}]


# ---- split ---------------------------------------------------------------------------------------------------------


def test_the_split_is_shown_moved_and_drawn_again(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    with_cases(qtbot, wizard, data)
    qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)
    page = wizard.page(PageId.SPLIT)
    assert isinstance(page, SplitPage)
    assert page.table.rowCount() == 5
    assert "3 patients" in page.cards[Side.TRAINING].text.text()
    page.table.selectRow(0)
    page.table.setFocus()
    moved = page.table.selected_ids
    qtbot.keyClick(page.table, Qt.Key.Key_3)
    assert wizard.flow.state.sides[moved[0]] is Side.TEST
    assert page.table.selected_ids == moved
    qtbot.mouseClick(page.moves[Side.TRAINING], Qt.MouseButton.LeftButton)
    assert wizard.flow.state.sides[moved[0]] is Side.TRAINING
    drawn = {tuple(wizard.flow.state.sides.items())}
    for _ in range(6):
        qtbot.mouseClick(page.draw, Qt.MouseButton.LeftButton)
        drawn.add(tuple(wizard.flow.state.sides.items()))
    assert len(drawn) > 1
    page.test.setValue(40)
    assert list(wizard.flow.state.sides.values()).count(Side.TEST) == 2
    assert "fewer than 5 test patients" in page.warning.text()
    assert page.warning.isVisible()


def test_a_side_without_patients_closes_the_way(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    with_cases(qtbot, wizard, data)
    wizard.go_on()
    page = wizard.page(PageId.SPLIT)
    page.table.selectAll()
    qtbot.mouseClick(page.moves[Side.TRAINING], Qt.MouseButton.LeftButton)
    assert not wizard.next.isEnabled()
    assert "no validation patient" in wizard.hint.full_text()


# ---- recipe --------------------------------------------------------------------------------------------------------


def test_the_recipe_is_measured_and_its_cost_told(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    page = at_recipe(qtbot, wizard, data)
    assert wizard.flow.estimate == ESTIMATE
    assert "epochs: about" in page.cost.text()
    assert "1.0 GB of memory" in page.cost.text()
    assert all(picture.image is not None for picture in page.preview.pictures[:3])
    page.form.batch.select(4)
    assert wizard.flow.state.choices.batch == 4
    assert "scaled from steps of 8 slices of 256" in page.cost.text()
    page.form.freeze.select(2)
    assert "Measure to know" in page.cost.text()
    qtbot.mouseClick(page.measure, Qt.MouseButton.LeftButton)
    settled(qtbot, wizard)
    assert "Measure to know" not in page.cost.text()


def test_from_scratch_shows_the_width_and_raises_the_rate(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    page = at_recipe(qtbot, wizard, data)
    assert not page.form.net_width.isVisible()
    page.form.base_model.select("")
    assert page.form.net_width.isVisible()
    assert not page.form.freeze.isVisible()
    assert wizard.flow.state.choices.learning_rate == pytest.approx(1.5e-3)
    page.form.budget.select(Budget.MINUTES)
    assert page.form.minutes.isVisible()


def test_the_expert_edits_the_file_and_mistakes_are_named(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    page = at_recipe(qtbot, wizard, data)
    page.as_text.click()
    text = page.expert.toPlainText()
    assert "[[phase]]" in text
    page.expert.setPlainText(text.replace("lr = 0.0002", "lr = -1"))
    qtbot.waitUntil(lambda: "lr is -1" in wizard.hint.full_text(), timeout=PATIENCE)
    assert not wizard.next.isEnabled()
    page.expert.setPlainText(text.replace("lr = 0.0002", "lr = 0.001"))
    qtbot.waitUntil(lambda: wizard.next.isEnabled(), timeout=PATIENCE)
    assert wizard.flow.plan().recipe.phases[0].lr == 0.001
    page.template.setCurrentText("quick")
    page.template.activated.emit(page.template.currentIndex())
    assert wizard.flow.plan().recipe.name == "quick"
    assert "width = 8" in page.expert.toPlainText()
    page.as_text.click()
    assert wizard.flow.state.choices.expert == ""
    assert page.form.isVisible()


def test_a_name_is_needed(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    page = at_recipe(qtbot, wizard, data)
    page.form.name.setFocus()
    page.form.name.selectAll()
    qtbot.keyClick(page.form.name, Qt.Key.Key_Backspace)
    assert "no name" in wizard.hint.full_text()
    qtbot.keyClicks(page.form.name, "Ours")
    assert wizard.next.isEnabled()
    assert wizard.flow.state.name == "Ours"


# ---- the shell -----------------------------------------------------------------------------------------------------


def test_back_by_button_step_and_keys(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    at_recipe(qtbot, wizard, data)
    qtbot.mouseClick(wizard.steps.buttons[PageId.DATA], Qt.MouseButton.LeftButton)
    assert wizard.flow.state.page is PageId.DATA
    assert wizard.heading.text() == "Cases"
    qtbot.keyClick(wizard, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert wizard.flow.state.page is PageId.SPLIT
    qtbot.keyClick(wizard, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert wizard.flow.state.page is PageId.DATA


def test_the_wizard_comes_back_where_it_was_after_a_restart(qtbot: QtBot, make_window: MakeWindow, data: Path):
    first = make_window()
    wizard = opened(first)
    at_recipe(qtbot, wizard, data)
    wizard.page(PageId.RECIPE).form.epochs.setValue(3)
    wizard.close()
    assert opened(first) is wizard
    settled(qtbot, wizard)
    first.close()
    assert not wizard.isVisible()
    again = opened(make_window())
    assert again.flow.state.page is PageId.RECIPE
    assert again.page(PageId.RECIPE).form.epochs.value() == 3
    settled(qtbot, again)


def test_other_trainings_are_offered(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    with_cases(qtbot, wizard, data)
    first = wizard.flow.run_folder
    wizard.start_derived()
    assert wizard.flow.run_folder != first
    assert len(wizard.flow.state.cases) == 6
    wizard.start_new()
    assert wizard.flow.state.cases == ()
    wizard.menu.aboutToShow.emit()
    texts = [action.text() for action in wizard.menu.actions()]
    assert len([text for text in texts if "data" in text]) == 3
    wizard.open_training(first)
    assert len(wizard.flow.state.cases) == 6
    assert wizard.page(PageId.DATA).table.rowCount() == 6


def test_a_full_disk_is_told_and_the_wizard_stays(
    qtbot: QtBot, wizard: TrainingWizard, data: Path, monkeypatch: pytest.MonkeyPatch
):
    page = with_cases(qtbot, wizard, data)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    page.table.item(1, CASE).setCheckState(Qt.CheckState.Unchecked)
    box = dialog_of(wizard)
    assert "disk is full" in box.text()
    box.close()
    monkeypatch.undo()
    assert wizard.isVisible()
    assert wizard.next.isEnabled()


@pytest.mark.parametrize("page_id", [PageId.DATA, PageId.SPLIT, PageId.RECIPE])
def test_every_control_is_named_and_reached_by_the_keyboard(
    qtbot: QtBot, wizard: TrainingWizard, data: Path, page_id: PageId
):
    at_recipe(qtbot, wizard, data)
    while wizard.flow.state.page is not page_id:
        wizard.go_back()
    assert faults(wizard) == []
    wizard.activateWindow()
    qtbot.waitUntil(lambda: wizard.isActiveWindow(), timeout=PATIENCE)
    reached = visited(qtbot, wizard)
    missed = [control.objectName() for control in controls(wizard) if control.isEnabled() and control not in reached]
    assert missed == []
    assert all(control.objectName() for control in controls(wizard))


def test_a_base_that_cannot_be_used_is_listed_and_cannot_be_chosen(qtbot: QtBot, wizard: TrainingWizard, data: Path):
    box = at_recipe(qtbot, wizard, data).form.base_model
    index = box.findData("bad")
    assert not box.model().item(index).isEnabled()
    assert box.itemData(index, Qt.ItemDataRole.ToolTipRole) == "It is broken."
