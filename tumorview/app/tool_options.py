"""Which editing tools there are and what the user set on them: plain values that are remembered between two starts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from tumorview.app.session import BrushSettings
from tumorview.core.tools import Over, PaintRule, Shape


class Tool(StrEnum):
    """What the left button does in a view."""

    NAVIGATE = "navigate"
    BRUSH = "brush"
    ERASE = "erase"
    SMART_BRUSH = "smart_brush"
    POLYGON = "polygon"
    LASSO = "lasso"
    FILL = "fill"
    GROW_REGION = "grow_region"
    THRESHOLD = "threshold"
    RELABEL = "relabel"
    DELETE = "delete"

    @property
    def paints(self) -> bool:
        """Whether it is a brush: it has a size, and the right button erases with it."""
        return self in (Tool.BRUSH, Tool.ERASE, Tool.SMART_BRUSH)

    @property
    def outlines(self) -> bool:
        """Whether an outline is drawn with it."""
        return self in (Tool.POLYGON, Tool.LASSO, Tool.THRESHOLD)


class Greys(StrEnum):
    """Which greys the threshold tool takes."""

    BRIGHT = "bright"
    DARK = "dark"
    RANGE = "range"


GROW_RADIUS_LIMIT = 100.0  # mm: across the head


@dataclass(frozen=True)
class ToolOptions:
    """Options of the tools that are not brushes; lengths in mm, volumes in ml (voxels where uncalibrated).

    ``*_deep`` tools work in the whole volume, otherwise in the slice in view. ``grow_tolerance`` is a share of the
    width of the window in use, so that it means the same in every image. ``low`` and ``high`` belong to the image.
    """

    subtract: bool = False
    fill_deep: bool = False
    grow_deep: bool = True
    grow_tolerance: float = 0.15
    grow_radius: float = 30.0
    greys: Greys = Greys.BRIGHT
    low: float = 0.0
    high: float = 0.0
    shape_deep: bool = True
    margin_mm: float = 1.0
    smooth_mm: float = 1.5
    island_ml: float = 0.1

    def changed(self, **changes: Any) -> "ToolOptions":  # noqa: ANN401 - one keyword per field
        """With some values replaced; a value outside its limits becomes the nearest inside."""
        wanted = replace(self, **changes)
        limited: dict[str, Any] = {
            name: min(max(float(getattr(wanted, name)), low), high) for name, (low, high) in LIMITS.items()
        }
        return replace(wanted, **limited)


LIMITS = {
    "grow_tolerance": (0.005, 2.0),
    "grow_radius": (1.0, GROW_RADIUS_LIMIT),
    "margin_mm": (0.1, 50.0),
    "smooth_mm": (0.1, 20.0),
    "island_ml": (0.001, 1000.0),
}
_FORGOTTEN = ("subtract", "low", "high")  # they belong to a moment or to an image, not to a habit


def to_settings(options: ToolOptions, brush: BrushSettings) -> dict[str, Any]:
    """What is remembered of the tools, by the names that it has in ``Settings``."""
    values = {f"tool_{name}": value for name, value in asdict(options).items() if name not in _FORGOTTEN}
    values["tool_greys"] = str(options.greys)
    return {
        **values,
        "brush_radius": brush.radius,
        "brush_shape": str(brush.shape),
        "brush_ball": brush.ball,
        "brush_sensitivity": brush.sensitivity,
        "paint_over": str(brush.rule.over),
        "paint_over_label": brush.rule.label,
    }


def from_settings(values: Mapping[str, Any]) -> tuple[ToolOptions, dict[str, Any]]:
    """The options and the fields of the BrushSettings that ``to_settings`` made; what makes no sense is left out."""
    named = {
        entry.name: values[f"tool_{entry.name}"]
        for entry in fields(ToolOptions)
        if entry.name not in _FORGOTTEN and f"tool_{entry.name}" in values
    }
    named["greys"] = _member(Greys, named.get("greys"), Greys.BRIGHT)
    if named["greys"] is Greys.RANGE:
        named["greys"] = Greys.BRIGHT  # the range itself was another image's
    brush = {
        "radius": values["brush_radius"],
        "shape": _member(Shape, values["brush_shape"], Shape.ROUND),
        "ball": values["brush_ball"],
        "sensitivity": values["brush_sensitivity"],
        "rule": PaintRule(
            _member(Over, values["paint_over"], Over.ALL), min(max(int(values["paint_over_label"]), 1), 255)
        ),
    }
    return ToolOptions().changed(**named), brush


def _member(kind: type[StrEnum], value: object, default: Any) -> Any:  # noqa: ANN401 - a member of ``kind``
    return next((member for member in kind if member == value), default)
