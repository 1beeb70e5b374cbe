"""The 3D view: what is drawn, when it computes, how the hand steers it, and what stands where it cannot be."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from doubles import TIMEOUT, MakeWindow
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.geometry import Geometry
from tumorview.core.labels import Label
from tumorview.core.mask import Box
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.main_window import MainWindow
from tumorview.gui.views import OverlayOptions
from tumorview.gui.views.orientation_cube import visible_letters
from tumorview.gui.views.volume_camera import DIRECTIONS, START, Camera
from tumorview.gui.views.volume_scene import GROUPS, LABELS
from tumorview.gui.views.volume_values import NoOpenGLError, Scene, Solid
from tumorview.gui.views.volume_view import NoVolumeView, VolumeView, make_volume_view

SHAPE = (12, 48, 40)
SPACING = (5.0, 2.0, 2.0)


class FakeRenderer:
    """Remembers what it was asked to draw."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.cameras: list[Camera] = []
        self.broken = ""
        self.closed = self.rested = 0

    def draw(self, scene: Scene, camera: Camera, size: QSize, *, smooth: bool = True) -> QImage:
        if self.broken:
            raise NoOpenGLError(self.broken)
        self.scenes.append(scene)
        self.cameras.append(camera)
        picture = QImage(size, QImage.Format.Format_RGB32)
        picture.fill(0xFF203040)
        return picture

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self.closed += 1


def study_of(geometry: Geometry, *, roles: tuple[Role, ...] = (Role.FLAIR, Role.T1)) -> Study:
    data = np.zeros(geometry.shape, np.int16)
    data[1:-1, 4:-4, 4:-4] = 400
    series = tuple(
        Series(role.value, Volume(data + number, geometry), role, 1.0, frame_of_reference="1")
        for number, role in enumerate(roles)
    )
    return Study(Path("/nowhere"), series)


class Stage:
    """A view on a session of its own."""

    def __init__(self, qtbot: QtBot) -> None:
        self.session = Session()
        self.reading = Reading(self.session)
        self.jobs = JobRunner(lambda: None if self.session.study is None else self.session.study.id)
        self.renderer = FakeRenderer()
        self.view = VolumeView(self.session, self.reading, self.jobs, self.renderer)
        self.qtbot = qtbot
        qtbot.addWidget(self.view)
        self.view.resize(500, 400)
        self.view.show()

    def open(self, geometry: Geometry | None = None) -> None:
        self.session.open(study_of(geometry or Geometry.from_spacing(SHAPE, SPACING)))
        self.settle()

    def settle(self) -> None:
        stage = self.view.stage
        self.wait(lambda: self.view.keeper.up_to_date and not self.jobs.running and stage.drawn)

    def wait(self, true: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(true, timeout=TIMEOUT)

    def mark(self, box: Box, label: int = 1) -> None:
        assert self.session.mask is not None
        self.session.mask.data[box.slices] = label
        self.session.mask.touch(box)

    @property
    def scene(self) -> Scene:
        return self.renderer.scenes[-1]

    @property
    def labels(self) -> list[Solid]:
        return [solid for solid in self.scene.solids if not solid.shell]

    def button(self, name: str) -> QToolButton:
        button = self.view.findChild(QToolButton, name)
        assert button is not None
        return button


@pytest.fixture
def stage(qtbot: QtBot) -> Iterator[Stage]:
    made = Stage(qtbot)
    yield made
    assert made.jobs.shutdown()


LESION = Box((3, 10, 12), (8, 22, 26))


def test_a_marked_tumour_appears_in_the_colour_of_its_label(stage: Stage) -> None:
    stage.open()
    assert stage.view.stage.notes == ["No tumour marked yet"]
    stage.mark(LESION)
    stage.settle()
    (tumour,) = stage.labels
    assert tumour.colour == stage.session.mask.labels[1].colour
    assert tumour.opacity == 1.0
    geometry = stage.session.mask.geometry
    middle = geometry.index_to_world([(a + b - 1) / 2 for a, b in zip(LESION.start, LESION.stop, strict=True)])
    assert tumour.surface.vertices.mean(axis=0) == pytest.approx(middle, abs=1.0)
    assert stage.view.stage.notes == []


def test_labels_are_hidden_and_made_faint_without_a_new_surface(stage: Stage) -> None:
    stage.open()
    stage.mark(LESION)
    oedema = Label(2, "Oedema", (86, 180, 233), opacity=0.1)
    stage.session.set_labels(stage.session.mask.labels.with_label(oedema))
    stage.mark(Box((9, 30, 12), (11, 40, 26)), 2)
    stage.settle()
    assert [solid.opacity for solid in stage.labels] == [1.0, 0.25]
    surface = stage.labels[0].surface
    stage.session.change_label(2, visible=False)
    stage.session.change_label(1, colour=(1, 2, 3))
    stage.settle()
    assert [(solid.colour, solid.surface is surface) for solid in stage.labels] == [((1, 2, 3), True)]
    stage.view.set_overlay(OverlayOptions(visible=False))
    stage.settle()
    assert stage.labels == []


def test_nothing_is_computed_during_a_stroke_but_after_it(stage: Stage) -> None:
    stage.open()
    started: list[str | None] = []
    stage.jobs.started.connect(lambda job: started.append(job.exclusive))
    view = PlaneView.of(stage.session.mask.geometry, Plane.AXIAL)
    stage.session.begin_stroke(view)
    stage.session.stroke_to(5, 20.0, 20.0)
    ticks: list[int] = []
    stage.view.keeper._later._timer.timeout.connect(lambda: ticks.append(1))
    stage.wait(lambda: len(ticks) >= 2)  # it looked twice and found the brush on the paper
    assert started == []
    stage.session.end_stroke()
    stage.settle()
    assert started == [LABELS]
    assert len(stage.labels) == 1
    stage.session.undo()
    stage.settle()
    assert stage.labels == []


def test_a_result_for_a_study_that_was_closed_is_dropped(stage: Stage) -> None:
    stage.open()
    with stage.qtbot.waitSignal(stage.jobs.started, timeout=TIMEOUT):
        stage.mark(LESION)
    stage.session.open(study_of(Geometry.from_spacing(SHAPE, SPACING)))
    stage.settle()
    assert stage.labels == []
    stage.session.close()
    stage.wait(lambda: not stage.jobs.running)
    assert stage.view.keeper.scene == Scene()


def test_a_closed_study_leaves_nothing_on_the_graphics_card(stage: Stage) -> None:
    stage.open()
    stage.settle()
    before = stage.renderer.rested
    stage.session.close()
    assert stage.renderer.rested == before + 1


def test_nothing_is_computed_while_nobody_looks(stage: Stage) -> None:
    stage.open()
    stage.view.hide()
    started: list[str | None] = []
    stage.jobs.started.connect(lambda job: started.append(job.exclusive))
    stage.mark(LESION)
    stage.session.open(study_of(Geometry.from_spacing(SHAPE, SPACING)))
    stage.mark(LESION)
    QApplication.processEvents()
    assert started == []
    stage.view.show()
    stage.settle()
    assert sorted(started) == sorted(GROUPS)
    assert len(stage.labels) == 1


def test_slices_stand_at_the_crosshair_and_can_be_hidden(stage: Stage) -> None:
    stage.open()
    place = np.array([30.0, 40.0, 35.0])
    stage.reading.move_to(place)
    stage.settle()
    axial, coronal, sagittal = (sheet.corners for sheet in stage.scene.sheets)
    assert np.allclose(axial[:, 2], place[2])
    assert np.allclose(coronal[:, 1], place[1])
    assert np.allclose(sagittal[:, 0], place[0])
    alpha = stage.scene.sheets[0].pixels[..., 3]  # cut out along the head
    assert (alpha[0, 0], alpha[24, 20]) == (0, 255)
    stage.button("view_3d_coronal_slice").click()
    stage.settle()
    assert len(stage.scene.sheets) == 2
    stage.button("view_3d_head").click()
    stage.settle()
    assert not stage.scene.solids


def test_slices_are_those_of_the_active_series_with_its_greys(stage: Stage) -> None:
    stage.open()
    before = stage.scene.sheets[0].pixels
    series = stage.session.study.series[1]
    stage.session.show_series(series)
    stage.reading.set_inverted(series, True)
    stage.settle()
    assert not np.array_equal(stage.scene.sheets[0].pixels, before)
    elsewhere = Geometry(SHAPE, np.diag([2.0, 2.5, 5.0, 1.0]))
    far = Series("far", Volume(series.volume.data, elsewhere), frame_of_reference="9")
    stage.session.active_series = far  # of another space: the slices stay with the mask
    assert np.array_equal(stage.view.keeper.scene.sheets[0].pixels, before)


def test_an_uncalibrated_stack_says_that_its_depth_is_assumed(stage: Stage) -> None:
    stage.open(Geometry.uncalibrated((10, 64, 64)))
    assert stage.view.stage.notes[0] == "Slice distance unknown: depth is assumed"
    assert stage.button("view_3d_anterior").isHidden()  # no side is known


def test_sides_by_button_and_key_lie_as_anatomists_expect(stage: Stage, qtbot: QtBot) -> None:
    stage.open()
    for direction in DIRECTIONS:
        stage.button(f"view_3d_{direction.name.lower()}").click()
        assert visible_letters(stage.view.stage.camera) == direction.name[0]
    qtbot.keyClick(stage.view.stage, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    camera = stage.view.stage.camera
    x, y, z = camera.centre
    left, _ = camera.project((x + 20, y, z), 400, 400)
    _, top = camera.project((x, y, z + 20), 400, 400)
    assert left > 210  # the patient's left on the right of the picture
    assert top < 190
    below = camera.from_side(DIRECTIONS[5])  # as an axial slice lies: left on the right, anterior up
    assert below.project((x + 20, y, z), 400, 400)[0] > 210
    assert below.project((x, y - 20, z), 400, 400)[1] < 190


def test_the_mouse_turns_pans_and_zooms_and_reset_undoes_it(stage: Stage, qtbot: QtBot) -> None:
    stage.open()
    view, first = stage.view.stage, stage.view.stage.camera

    def drag(button: Qt.MouseButton, x: int, y: int) -> Camera:
        before = view.camera
        qtbot.mousePress(view, button, pos=QPoint(200, 200))
        qtbot.mouseMove(view, QPoint(200 + x, 200 + y))
        qtbot.mouseRelease(view, button, pos=QPoint(200 + x, 200 + y))
        assert view.camera != before
        return view.camera

    assert drag(Qt.MouseButton.LeftButton, 40, 0).azimuth < first.azimuth
    assert drag(Qt.MouseButton.MiddleButton, 30, 0).centre != first.centre
    assert drag(Qt.MouseButton.RightButton, 0, -30).zoom > 1
    zoom = view.camera.zoom
    place = QPointF(200, 200)
    wheel = QWheelEvent(
        place,
        place,
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, wheel)
    assert view.camera.zoom < zoom
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.camera == first
    assert (first.azimuth, first.elevation) == (START.azimuth, START.elevation)


def test_a_grip_follows_the_patient_under_the_pointer() -> None:
    camera = Camera(centre=(5.0, 6.0, 7.0), radius=80.0)
    moved = camera.panned(0.1, 0.2)
    before, after = camera.project((5, 6, 7), 400, 300), moved.project((5, 6, 7), 400, 300)
    assert after == pytest.approx((before[0] + 30, before[1] + 60), abs=0.5)


def test_a_context_that_is_lost_is_told_in_the_view(stage: Stage) -> None:
    stage.open()
    stage.renderer.broken = "OpenGL stopped working on this display."
    stage.view.reset_view()
    stage.view.stage.look(stage.view.stage.camera.zoomed(2))
    stage.wait(lambda: stage.renderer.broken in stage.view.stage.notes)
    stage.renderer.broken = ""
    stage.view.reset_view()
    stage.settle()
    assert "OpenGL" not in " ".join(stage.view.stage.notes)


def test_the_renderer_is_given_back_with_the_view(qtbot: QtBot) -> None:
    session, jobs, renderer = Session(), JobRunner(lambda: None), FakeRenderer()
    view = VolumeView(session, Reading(session), jobs, renderer)
    view.deleteLater()
    qtbot.waitUntil(lambda: renderer.closed == 1, timeout=TIMEOUT)


# -- in the window ---------------------------------------------------------------------------------------------


def test_without_opengl_the_view_says_so_and_the_window_works(window: MainWindow, qtbot: QtBot) -> None:
    window.actions["view.quad"].trigger()
    view = window.grid.volume_view
    assert isinstance(view, NoVolumeView)
    assert view.isVisible()
    assert "There is no OpenGL on this display." in view.findChild(QLabel, "view_3d_reason").text()
    window.actions["view.export_3d_picture"].trigger()
    assert window.view("axial").isVisible()
    assert "no 3D view on this display" in window.status.currentMessage()


@pytest.fixture
def with_fake_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorview.gui.views.volume_renderer.Renderer", FakeRenderer)


def test_the_picture_is_exported_and_carries_no_text(
    with_fake_renderer: None, window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "scene.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    window.actions["view.export_3d_picture"].trigger()
    assert not target.exists()  # no layout with a 3D view: nothing to save
    window.actions["view.quad"].trigger()
    view = window.grid.volume_view
    assert isinstance(view, VolumeView)
    button = view.findChild(QToolButton, "view_3d_export")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(target.exists, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    with Image.open(target) as image:
        assert image.width >= 1600
        assert not image.text  # type: ignore[attr-defined]
        assert image.getpixel((image.width // 2, image.height // 2)) == (0x20, 0x30, 0x40)


def test_the_view_is_made_when_a_layout_first_shows_it_and_maximised_by_double_click(
    with_fake_renderer: None, make_window: MakeWindow, flair: Path, qtbot: QtBot
) -> None:
    window = make_window(flair)
    window.actions["view.axial_only"].trigger()
    assert window.grid.volume_view is None
    window.actions["view.quad"].trigger()
    view = window.grid.volume_view
    assert isinstance(view, VolumeView)
    qtbot.mouseDClick(view.stage, Qt.MouseButton.LeftButton)
    assert not window.view("axial").isVisible()
    assert view.isVisible()
    qtbot.mouseDClick(view.stage, Qt.MouseButton.LeftButton)
    assert window.view("axial").isVisible()
    window.actions["view.toggle_overlay"].trigger()
    assert not view.keeper.labels_shown


def test_make_volume_view_needs_no_display(qtbot: QtBot) -> None:
    session = Session()
    jobs = JobRunner(lambda: None)
    view = make_volume_view(session, Reading(session), jobs)
    qtbot.addWidget(view)
    assert isinstance(view, NoVolumeView)
