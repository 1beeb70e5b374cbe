"""What is written over a slice: whose it is, what, where, and what must not be overlooked."""

import math
from typing import TYPE_CHECKING

from tumorview.core import rendering
from tumorview.core.rendering import Window
from tumorview.core.slicing import UPRIGHT, Plane, PlaneView, Turn
from tumorview.core.study import Role, same_place
from tumorview.gui.views.annotations import AMBER, QUIET, Annotations, Line

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

ONE_LINE = 800.0  # pixels: narrower views give the name of a patient a line of its own
IDENTITY_GAP = "  "  # between what a Study says of its patient
SMALL_VIEW = 260.0  # pixels: narrower views leave out what can be read elsewhere

_AXIS_LETTERS = {Plane.AXIAL: (2, "S", "I"), Plane.CORONAL: (1, "P", "A"), Plane.SAGITTAL: (0, "L", "R")}


def series_line(role: Role, description: str) -> str:
    """What a series is: its role and, where it says more, its own description."""
    if role is Role.OTHER:
        return description or "Series"
    if not description or description.casefold() == role.value.casefold():
        return role.value
    return f"{role.value}  {description}"


def identity_lines(identity: str, width: float) -> list[Line]:
    """Who is looked at: name, number and date in one line, or where that would be cut off in two."""
    name, gap, rest = identity.partition(IDENTITY_GAP)
    return [Line(identity)] if width >= ONE_LINE or not gap else [Line(name), Line(rest)]


def position_text(view: PlaneView, index: int) -> str:
    """Where the slice's middle lies along the patient's axis, as "S 34.5 mm"; empty without geometry."""
    geometry = view.geometry
    if not (geometry.calibrated and geometry.oriented):
        return ""
    rows, columns = view.size
    middle = geometry.index_to_world(view.to_voxel(index, (rows - 1) / 2, (columns - 1) / 2))
    axis, positive, negative = _AXIS_LETTERS[view.plane]
    mm = round(float(middle[axis]), 1)
    return f"{positive if mm >= 0 else negative} {abs(mm):.1f} mm"


def window_text(window: Window) -> str:
    """Window/level with as many decimals as its width needs."""
    decimals = max(0, 2 - math.floor(math.log10(max(window.width, 1e-12)))) if window.width < 100 else 0
    return f"W {window.width:.{decimals}f}  L {window.centre:.{decimals}f}"


def comparison_legend() -> tuple[Line, ...]:
    """What the three colours of the comparison mean."""
    return tuple(Line(f"■ {label.name}", label.colour) for label in reversed(rendering.AGREEMENT.labels))


def badge_line(plane_view: PlaneView, turn: Turn) -> Line:
    """Which way round the picture is: radiological convention, or in amber how it differs."""
    if not plane_view.geometry.oriented:
        return Line("NO ORIENTATION", AMBER)
    if turn == UPRIGHT:
        return Line("RADIOLOGICAL", QUIET)
    letters = plane_view.letters
    if turn == UPRIGHT.flipped_horizontally():
        return Line(f"FLIPPED {letters.right}–{letters.left}", AMBER)
    if turn == UPRIGHT.flipped_vertically():
        return Line(f"FLIPPED {letters.bottom}–{letters.top}", AMBER)
    flipped = "FLIPPED, " if turn.mirrored else ""
    return Line(f"{flipped}ROTATED {turn.quarters * 90}°", AMBER)


def link_line(view: "SliceView") -> Line | None:
    """Why the crosshair of the study is not in ``view``; None where it is."""
    series, study = view.series, view.session.study
    if series is None or study is None:
        return None
    if not same_place(series, study.reference):
        return Line("NOT LINKED: another frame of reference", AMBER)
    return Line("Crosshair beyond this series", AMBER) if view.off_slice else None


def annotations_of(view: "SliceView", plane_view: PlaneView) -> Annotations:
    """What is written over the slice that ``view`` shows."""
    geometry, series, study = plane_view.geometry, view.series, view.session.study
    assert series is not None
    wide = view.width() >= SMALL_VIEW
    role = study.role_of(series) if study is not None else series.role
    top_left = [Line(series_line(role, series.description if wide else ""))]
    if wide and view.reading.identity:
        top_left[:0] = identity_lines(view.reading.identity, view.width())
    top_left.append(Line(f"{view.current_index + 1} / {plane_view.count}"))
    position = position_text(plane_view, view.current_index)
    if position:
        top_left.append(Line(position))
    unlinked = link_line(view)
    if unlinked is not None:
        top_left.append(unlinked)
    badge = badge_line(plane_view, view.turn)
    return Annotations(
        letters=plane_view.letters,
        top_left=tuple(top_left),
        top_right=(badge,) if wide or badge.colour == AMBER else (),
        bottom_left=(*_legend(view, plane_view), *_notes(view), *_readings(view)),
        mm_to_pixels=view.viewport.scale if geometry.calibrated else None,
        notice=view.notice,
    )


def _legend(view: "SliceView", plane_view: PlaneView) -> tuple[Line, ...]:
    if not view.overlay_shown or not view.source.masks.placed:
        return ()
    key = view.source.heat_key(view.overlay)
    heat = () if key is None or key.threshold is None else (Line(f"── threshold {key.threshold:.2f}"),)
    if view.session.truth is None:
        return heat
    if view.overlay.compare and key is None:
        return comparison_legend()
    picture = view.source.overlay(view.current_index, view.overlay)
    return heat if picture.truth is None else (*heat, Line("╌╌ ground truth"))


def _notes(view: "SliceView") -> tuple[Line, ...]:
    return tuple(Line(text, QUIET) for layer in view.layers for text in layer.notes(view))


def _readings(view: "SliceView") -> tuple[Line, ...]:
    inverted = "  inverted" if view.inverted else ""
    return Line(window_text(view.window) + inverted, QUIET), Line(f"Zoom {view.viewport.zoom * 100:.0f} %", QUIET)
