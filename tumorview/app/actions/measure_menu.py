"""The Measure menu."""

from tumorview.app.actions.spec import ActionSpec, with_study

MEASURE = "&Measure"


def _tool(name: str, title: str, key: str, tip: str, icon: str, *, ends: bool = False) -> ActionSpec:
    keys = (key,) if key else ()
    return ActionSpec(
        f"measure.{name}", title, MEASURE, keys, tip, icon, checkable=True, enabled=with_study, ends_group=ends
    )


ACTIONS: tuple[ActionSpec, ...] = (
    _tool("distance", "&Distance", "D", "Drag from end to end, or click both", "distance"),
    _tool("angle", "&Angle", "A", "Drag or click one arm, then click the end of the other", "angle"),
    _tool("ellipse", "&Ellipse", "Shift+E", "Drag a box: area, mean and spread of the intensities inside", "ellipse"),
    _tool("rectangle", "&Rectangle", "", "Drag a box: area, mean and spread of the intensities inside", "rectangle"),
    _tool("freehand", "&Freehand", "", "Draw around it: area, mean and spread of the intensities inside", "freehand"),
    _tool("probe", "&Probe", "Shift+P", "Click: the intensity of one voxel", "probe", ends=True),
    _tool(
        "lesions",
        "&Lesion Diameters",
        "M",
        "Longest diameter and the one across it for every lesion of the mask, on its largest slice (RANO)",
        "lesions",
    ),
    _tool("show", "&Show Measurements", "Shift+M", "Measurements over the image or not", "show_measured", ends=True),
    ActionSpec(
        "measure.delete",
        "Dele&te Measurement",
        MEASURE,
        ("Del",),
        "The selected one",
        "delete",
        enabled=with_study,
    ),
    ActionSpec(
        "measure.bring_back", "&Undo Deleting", MEASURE, (), "The measurements deleted last", "undo", enabled=with_study
    ),
    ActionSpec(
        "measure.copy",
        "&Copy Table",
        MEASURE,
        ("Ctrl+Shift+C",),
        "For a report or a spreadsheet",
        "copy",
        enabled=with_study,
    ),
    ActionSpec(
        "measure.export",
        "E&xport Measurements…",
        MEASURE,
        (),
        "As CSV or JSON, without the patient's name",
        "export",
        enabled=with_study,
    ),
)
