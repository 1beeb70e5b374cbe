"""The Image menu: window/level presets and colours of the series in view."""

from tumorview.app.actions.spec import ActionSpec, with_study

IMAGE = "&Image"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec(
        "view.auto_window",
        "&Auto Window/Level",
        IMAGE,
        ("1",),
        "From the image's own intensities, without air and outliers",
        enabled=with_study,
    ),
    ActionSpec(
        "view.contrast_window",
        "High &Contrast",
        IMAGE,
        ("2",),
        "A narrower window: grey and white matter stand apart, fat and vessels are clipped",
        enabled=with_study,
    ),
    ActionSpec("view.wide_window", "Wi&de", IMAGE, ("3",), "Every intensity, nothing is clipped", enabled=with_study),
    ActionSpec(
        "view.lesion_window",
        "&Lesion",
        IMAGE,
        ("4",),
        "Oedema on FLAIR and T2, enhancement on T1 with contrast, dark tumour on T1",
        enabled=with_study,
    ),
    ActionSpec(
        "view.file_window",
        "&From the File",
        IMAGE,
        ("5",),
        "The window that the scanner or an archive wrote into the file",
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec("view.grey_colours", "&Grey", IMAGE, (), "Intensities as greys", enabled=with_study),
    ActionSpec("view.hot_iron_colours", "&Hot Iron", IMAGE, (), "DICOM's hot iron palette", enabled=with_study),
    ActionSpec(
        "view.inferno_colours", "I&nferno", IMAGE, (), "Rises evenly in lightness, black to yellow", enabled=with_study
    ),
    ActionSpec(
        "view.viridis_colours", "&Viridis", IMAGE, (), "Rises evenly in lightness, blue to yellow", enabled=with_study
    ),
)
