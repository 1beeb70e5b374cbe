"""The File menu."""

from tumorview.app.actions.spec import ActionSpec, with_study

FILE = "&File"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("file.open", "&Open File…", FILE, ("Ctrl+O",), "Open a NIfTI, DICOM, TIFF, PNG or JPEG file", "open"),
    ActionSpec(
        "file.open_folder",
        "Open &Folder…",
        FILE,
        ("Ctrl+Shift+O",),
        "Open a folder with a DICOM study, NIfTI series or image slices",
        "folder",
    ),
    ActionSpec(
        "file.open_sample",
        "Open Samp&le Study",
        FILE,
        (),
        "Open the study that comes with TumorView",
        "sample",
        ends_group=True,
    ),
    ActionSpec(
        "file.open_truth",
        "Load &Ground Truth…",
        FILE,
        ("Ctrl+T",),
        "Compare the mask with a reference segmentation",
        "truth",
        enabled=with_study,
    ),
    ActionSpec(
        "file.open_mask",
        "Load &Mask…",
        FILE,
        ("Ctrl+M",),
        "Edit a mask from a file",
        "mask",
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec(
        "file.save_mask",
        "&Save Mask",
        FILE,
        ("Ctrl+S",),
        "Save the mask as NIfTI in the geometry of the image",
        "save",
        enabled=with_study,
    ),
    ActionSpec(
        "file.export_nifti",
        "Export Mask as &NIfTI…",
        FILE,
        ("Ctrl+Shift+S",),
        "Save the mask under another name",
        "export",
        enabled=with_study,
    ),
    ActionSpec(
        "file.export_png",
        "Export &PNG Slices…",
        FILE,
        ("Ctrl+E",),
        "Save mask and overlay pictures of every slice",
        "picture",
        enabled=with_study,
    ),
    ActionSpec(
        "view.export_3d_picture",
        "Export 3&D Picture…",
        FILE,
        (),
        "Save the 3D view as PNG",
        "picture_3d",
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec("file.close", "&Close Study", FILE, ("Ctrl+W",), "Close the study", enabled=with_study),
    ActionSpec(
        "file.settings", "Se&ttings…", FILE, ("Ctrl+,",), "Appearance, mouse, defaults, folders, privacy", "settings"
    ),
    ActionSpec("file.quit", "&Quit", FILE, ("Ctrl+Q",), "Close TumorView"),
)
