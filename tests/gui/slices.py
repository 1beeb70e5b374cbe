"""Small studies on many grids, and the events of a hand on a view."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.slicing import Plane
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.gui.views import SliceView

SHAPE = (6, 20, 24)


def affine(i, j, k, spacing=(1.0, 1.0, 1.0), origin=(-7.0, 4.0, 11.0)):
    """Columns: where growing i, j, k lead in LPS; ``spacing`` for i, j, k."""
    matrix = np.eye(4)
    for axis, (direction, mm) in enumerate(zip((i, j, k), spacing, strict=True)):
        matrix[:3, axis] = np.asarray(direction, float) / np.linalg.norm(direction) * mm
    matrix[:3, 3] = origin
    return matrix


L, R, P, A, S, I = (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)  # noqa: E741 - patient sides

AFFINES = {
    "LPS": affine(L, P, S),
    "RAS": affine(R, A, S),
    "LAI": affine(L, A, I),
    "thick LPS": affine(L, P, S, (0.9, 1.4, 5.0)),
    "sagittal acquisition": affine(P, I, L, (1.1, 0.8, 4.0)),
    "coronal acquisition": affine(R, I, A, (0.7, 1.0, 3.0)),
    "oblique": affine((1.0, 0.2, 0.1), (-0.2, 1.0, 0.15), (-0.07, -0.17, 1.0), (1.0, 1.2, 3.0)),
}


def geometry(name="LPS", shape=SHAPE):
    return Geometry(shape, AFFINES[name])


def session_on(grid, *, data=None, truth=None, uid="flair", more=()):
    """A session with one FLAIR series on ``grid`` (and ``more`` series) and an empty mask."""
    voxels = np.zeros(grid.shape, np.int16) if data is None else data
    series = Series(uid, Volume(voxels, grid), Role.FLAIR, 1.0, "AX FLAIR")
    session = Session()
    session.open(Study(Path("study"), (series, *more), truth=None if truth is None else Mask(truth, grid)))
    return session


def put(session, voxels):
    """Make ``voxels`` the mask."""
    session.import_mask(Mask(voxels, session.mask.geometry), Path("mask"))


def view_of(session, plane=Plane.AXIAL):
    """A view of ``session`` with a Reading of its own."""
    return SliceView(session, Reading(session), plane)


def open_view(qtbot, view, size=(420, 360)):
    qtbot.addWidget(view)
    view.resize(*size)
    with qtbot.waitExposed(view):
        view.show()
    return view


def wheel(view, notches, *, modifiers=Qt.KeyboardModifier.NoModifier, place=None, pixels=0):
    """``notches`` of a wheel away from the user, or ``pixels`` of a touchpad."""
    spot = QPointF(view.rect().center()) if place is None else QPointF(place)
    phase = Qt.ScrollPhase.ScrollUpdate if pixels else Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(
        spot,
        view.mapToGlobal(spot),
        QPoint(0, pixels),
        QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton,
        modifiers,
        phase,
        False,
    )
    QCoreApplication.sendEvent(view, event)


NO_MODIFIER = Qt.KeyboardModifier.NoModifier


def mouse(view, kind, place, button=Qt.MouseButton.NoButton, held=Qt.MouseButton.NoButton, modifiers=NO_MODIFIER):
    spot = QPointF(place)
    event = QMouseEvent(kind, spot, view.mapToGlobal(spot), button, held, modifiers)
    QCoreApplication.sendEvent(view, event)


def press(view, place, button=Qt.MouseButton.LeftButton, modifiers=NO_MODIFIER):
    mouse(view, QEvent.Type.MouseButtonPress, place, button, button, modifiers)


def move(view, place, held=Qt.MouseButton.LeftButton, modifiers=NO_MODIFIER):
    mouse(view, QEvent.Type.MouseMove, place, held=held, modifiers=modifiers)


def release(view, place, button=Qt.MouseButton.LeftButton, modifiers=NO_MODIFIER):
    mouse(view, QEvent.Type.MouseButtonRelease, place, button, modifiers=modifiers)


def drag(view, *places, button=Qt.MouseButton.LeftButton, modifiers=NO_MODIFIER):
    """Press at the first place, move over the others, let go at the last."""
    press(view, places[0], button, modifiers)
    for place in places[1:]:
        move(view, place, button, modifiers)
    release(view, places[-1], button, modifiers)


def colour_at(view, place):
    """RGB of one pixel of the widget as it is painted."""
    colour = view.grab().toImage().pixelColor(place)
    return colour.red(), colour.green(), colour.blue()
