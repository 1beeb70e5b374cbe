"""A small cube that says which side of the patient is seen."""

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from tumorview.gui.views.volume_camera import Camera

SIZE = 22.0  # pixels from the middle to a face
_FACE = QColor(196, 200, 208)
_EDGE = QColor(20, 21, 23)
_TEXT = QColor(18, 19, 21)
_UNIT = 100.0  # a face is drawn on a square of this size before it is put in place

# Letter, outward normal, and the picture's right and up when one looks straight at the face (LPS).
_FACES = (
    ("A", (0, -1, 0), (1, 0, 0), (0, 0, 1)),
    ("P", (0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    ("L", (1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ("R", (-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    ("S", (0, 0, 1), (-1, 0, 0), (0, -1, 0)),
    ("I", (0, 0, -1), (1, 0, 0), (0, -1, 0)),
)


def visible_letters(camera: Camera) -> str:
    """The letters of the cube's faces that are seen, the one seen best first."""
    toward = camera.axes[2]
    seen = sorted(((float(np.dot(toward, normal)), letter) for letter, normal, _, _ in _FACES), reverse=True)
    return "".join(letter for cosine, letter in seen if cosine > 0.05)


def paint_cube(painter: QPainter, camera: Camera, centre: QPointF, font: QFont) -> None:
    """Draw the cube as ``camera`` sees the patient, around ``centre``."""
    axes = camera.axes
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    edge = QPen(_EDGE, 1.2)
    edge.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    for letter, normal, right, up in _FACES:
        facing = float(np.dot(axes[2], normal))
        if facing <= 0.02:
            continue
        square = ((-1, 1), (1, 1), (1, -1), (-1, -1))
        places = [axes @ (np.asarray(normal) + np.multiply(x, right) + np.multiply(y, up)) * SIZE for x, y in square]
        face = QPolygonF([QPointF(centre.x() + x, centre.y() - y) for x, y, _ in places])
        light = round(100 + 100 * (1 - facing))
        painter.setBrush(_FACE.darker(light))
        painter.setPen(edge)
        painter.drawPolygon(face)
        _paint_letter(painter, letter, face, font)
    painter.restore()


def _paint_letter(painter: QPainter, letter: str, face: QPolygonF, font: QFont) -> None:
    square = QPolygonF([QPointF(0, 0), QPointF(_UNIT, 0), QPointF(_UNIT, _UNIT), QPointF(0, _UNIT)])
    placed = QTransform()
    if not QTransform.quadToQuad(square, face, placed):
        return
    large = QFont(font)
    large.setPixelSize(round(0.72 * _UNIT))
    large.setBold(True)
    path = QPainterPath()
    path.addText(0, 0, large, letter)
    box = path.boundingRect()
    path.translate(_UNIT / 2 - box.center().x(), _UNIT / 2 - box.center().y())
    painter.fillPath(placed.map(path), _TEXT)
