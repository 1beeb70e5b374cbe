"""The Segment menu."""

from tumorview.app.actions.spec import ActionSpec

SEGMENT = "&Segment"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec(
        "segment.run",
        "&Run Segmentation",
        SEGMENT,
        ("F5", "Ctrl+R"),
        "Segment the tumour with the chosen model",
        "run",
        enabled=lambda state: state.has_study and not state.running,
    ),
    ActionSpec(
        "segment.cancel",
        "&Cancel",
        SEGMENT,
        ("Shift+F5",),
        "Stop the running task; the mask stays as it was",
        "cancel",
        enabled=lambda state: state.running,
        ends_group=True,
    ),
    ActionSpec(
        "segment.next_doubtful",
        "Next &Doubtful Slice",
        SEGMENT,
        ("U",),
        "The slice that the network is least sure of; then the next one",
        enabled=lambda state: state.has_prediction,
    ),
    ActionSpec(
        "segment.previous_doubtful",
        "&Previous Doubtful Slice",
        SEGMENT,
        ("Shift+U",),
        "Back to the slice that is in greater doubt",
        enabled=lambda state: state.has_prediction,
        ends_group=True,
    ),
    ActionSpec(
        "train.wizard",
        "&Train a Model…",
        SEGMENT,
        (),
        "Fine-tune the network on your own cases, and see whether it really is better",
        "train",
    ),
    ActionSpec(
        "segment.models",
        "&Models…",
        SEGMENT,
        (),
        "Bundled and own networks: what they score, which one is the default, import and export",
        "brain",
    ),
)
