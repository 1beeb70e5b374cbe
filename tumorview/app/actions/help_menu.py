"""The Help menu."""

from tumorview.app.actions.spec import ActionSpec

HELP = "&Help"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("help.shortcuts", "&Keyboard and Mouse", HELP, ("F1",), "Every shortcut and gesture"),
    ActionSpec("help.palette", "&Command Palette…", HELP, ("Ctrl+K",), "Find an action by a few letters", "command"),
    ActionSpec(
        "help.edit_shortcuts",
        "&Edit Shortcuts…",
        HELP,
        (),
        "Other keys, presets and clashes",
        "keyboard",
        ends_group=True,
    ),
    ActionSpec("help.log", "Show &Log", HELP, (), "What the program noted, without patient data", "log"),
    ActionSpec(
        "help.diagnostics",
        "Copy &Diagnostic Report",
        HELP,
        (),
        "Versions, machine, settings and the log without patient data, for a bug report",
        "report",
        ends_group=True,
    ),
    ActionSpec("help.about", "&About TumorView", HELP, (), "Version, licences and the research-use notice"),
)
