"""The Help menu."""

from tumorview.app.actions.spec import ActionSpec

HELP = "&Help"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("help.about", "&About TumorView", HELP, (), "Version, licences and the research-use notice"),
    ActionSpec("help.shortcuts", "&Keyboard and Mouse", HELP, ("F1",), "Every shortcut and gesture"),
)
