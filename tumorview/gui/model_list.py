"""The Segment panel's list of models, which follows what is installed, renamed, deleted and made the default."""

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from tumorview.app.model_store import ModelStore, Purpose, StoredModel
from tumorview.gui.docks.segment_dock import ModelChoice
from tumorview.gui.segmenting import SegmentController


class ModelList(QObject):
    """``changed`` after every reload. Whoever changes a model calls ``reload``."""

    changed = Signal()

    def __init__(self, store: ModelStore, segmenting: SegmentController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self._segmenting = segmenting
        self._default = ""
        self.models: list[StoredModel] = []
        self.reload()

    def reload(self) -> None:
        """Read the models anew; where another one became the default it is chosen for the next run."""
        self.models = self.store.models()
        standing = {model.default_for: model.id for model in self.models if model.default_for is not None}
        default = standing.get(Purpose.WHOLE_TUMOUR) or next(iter(standing.values()), "")
        moved = bool(self._default) and default != self._default
        self._default = default
        self._segmenting.set_models(choices(self.models), default, choose_default=moved)
        self.changed.emit()


def choices(models: Sequence[StoredModel]) -> list[ModelChoice]:
    """What the panel offers; a broken model is listed with what is wrong, models of one name with their ids."""
    names = Counter(model.title for model in models)
    found = []
    for model in models:
        card = model.entry.card
        title = model.title if names[model.title] == 1 else f"{model.title} ({model.id})"
        title = f"{title}, candidate" if model.candidate else title
        problem = "" if model.entry.ok else model.entry.status
        found.append(ModelChoice(model.id, title, card.threshold if card else 0.5, problem))
    return found
