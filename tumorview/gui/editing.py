"""Between the tools, the views, the Edit and Refine panels and the job runner."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from PySide6.QtCore import QObject, Signal

from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.app.label_editing import LabelEditor
from tumorview.app.session import Session
from tumorview.app.tool_commands import COMMANDS
from tumorview.app.tool_options import Tool, from_settings, to_settings
from tumorview.app.tools import Growing, Spot, Task, Tools
from tumorview.core.labels import LABEL_PRESETS
from tumorview.core.slicing import PlaneView
from tumorview.core.tools import Change, Region
from tumorview.errors import EditError
from tumorview.gui.docks.edit_dock import EditPanel, ToolChoice
from tumorview.gui.docks.labels_dock import LabelsPanel
from tumorview.gui.docks.refine_dock import RefinePanel
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.timing import Memory
from tumorview.gui.views import SliceView, ViewGrid
from tumorview.gui.views.paint_hints import why_not_paint
from tumorview.gui.views.tool_layer import ToolLayer

TOOL_ACTIONS = {f"edit.{tool.value}": tool for tool in Tool}
GROUP = "edit"
PREVIEW = "grow preview"
_COUNTING = (Tool.SMART_BRUSH, Tool.GROW_REGION)


class EditController(QObject):
    """``told`` carries a sentence for the status bar; ``tool_changed`` the Tool that is in the hand now."""

    told = Signal(str)
    tool_changed = Signal(object)

    def __init__(
        self,
        session: Session,
        grid: ViewGrid,
        jobs: JobRunner,
        labels: LabelsPanel,
        edit: EditPanel,
        refine: RefinePanel,
        memory: Memory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._grid, self._jobs, self._memory = session, grid, jobs, memory
        self._labels_panel, self._edit, self._refine = labels, edit, refine
        self.tools = Tools(session)
        self.labels = LabelEditor(session)
        options, brush = from_settings(vars(memory.settings))
        self.tools.set_options(**vars(options))
        self.tools.set_brush(**brush)
        self.layer = ToolLayer(self)
        for view in grid.views:
            view.layers.append(self.layer)
        self._connect()
        self._show_options()
        self._labels_changed()

    def _connect(self) -> None:
        session = self._session
        self.tools.changed.connect(lambda _: self._options_changed())
        session.labels_changed.connect(lambda _: self._labels_changed())
        session.study_changed.connect(lambda _: self._study_changed())
        self._grid.brush_radius_changed.connect(lambda _: self._options_changed())
        self._labels_panel.label_chosen.connect(self.choose_label)
        self._edit.chosen.connect(self._choose)
        self._refine.chosen.connect(self._choose)
        self._edit.whole_volume_asked.connect(lambda: self.command("edit.threshold_everywhere"))

    # -- the tool in the hand ----------------------------------------------------------------------------------

    def set_tool(self, tool: Tool) -> None:
        """What the left button does in every view."""
        self.layer.drop()
        if tool in _COUNTING:
            # A fifth of a second that the first stroke should not stutter by.
            self._jobs.start(Job("Preparing", lambda _: import_module("scipy.ndimage"), exclusive=PREVIEW))
        for view in self._grid.views:
            view.set_tool(tool)
        self._edit.show_tool(tool)
        self.tool_changed.emit(tool)

    def scale_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        self._grid.under_hand.scale_brush(factor)

    def choose_label(self, number: int) -> None:
        """Paint the label of that number from now on."""
        mask = self._session.mask
        label = None if mask is None else mask.labels.get(number)
        if label is None:
            self.told.emit(f"There is no label {number}.")
            return
        self.tools.set_brush(label=number)
        self.told.emit(f"Painting {label.name}.")

    def add_label(self) -> None:
        """A new label, to be painted from now on."""
        self._try(self.labels.add)

    def remove_label(self) -> None:
        """Take the chosen label and its voxels away."""
        self._try(lambda: self.labels.remove(self._session.brush.label))

    def use_preset(self, preset_id: str) -> None:
        """Name and colour the labels as a preset does."""
        preset = next(preset for preset in LABEL_PRESETS if preset.id == preset_id)
        self._try(lambda: self.labels.use(preset))

    # -- what the layer and the actions ask for ----------------------------------------------------------------

    def may_use(self, view: SliceView) -> bool:
        """Whether a tool can be used in ``view``; told why not."""
        hint = why_not_paint(view, erase=view.tool is Tool.DELETE)
        if hint:
            self.told.emit(hint)
        return not hint

    def outline(self, view: SliceView, points: Sequence[tuple[float, float]], *, subtract: bool) -> None:
        """An outline through ``points`` (row, column) of the shown slice was closed."""
        self._start(lambda: self.tools.outlined(view.tool, self._spot(view), points, subtract=subtract))

    def click(self, view: SliceView, row: float, column: float) -> None:
        """A place of the shown slice was clicked with a tool that takes what lies there."""
        self._start(lambda: self.tools.at(view.tool, self._spot(view), row, column))

    def command(self, action: str) -> None:
        """Do an action of the table that changes the label as a whole."""
        view = self._grid.under_hand
        self._start(lambda: COMMANDS[action](self.tools, self._spot(view)))

    def grow(self, view: SliceView, row: float, column: float) -> "GrowGesture | None":
        """Start to grow a region; None, told why, where that cannot be."""
        try:
            growing = self.tools.grow(self._spot(view), row, column)
        except EditError as error:
            self.told.emit(str(error))
            return None
        return GrowGesture(growing, self._jobs, self._tag(), self.told.emit)

    # -- inside ------------------------------------------------------------------------------------------------

    def _spot(self, view: SliceView) -> Spot:
        mask = self.tools.mask
        plane_view = PlaneView.of(mask.geometry, view.plane, view.turn)
        image = None
        if view.series is not None and view.source.masks.on_own_grid:
            image = view.series.volume.data
        index = min(view.current_index, plane_view.count - 1)
        return Spot(plane_view, index, image, view.window.width)

    def _tag(self) -> JobTag:
        study = self._session.study
        return JobTag(None if study is None else study.id)

    def _start(self, make: Callable[[], Task]) -> None:
        try:
            task = make()
            if task.quick:
                self.tools.do(task)
                self.told.emit(f"{task.title}: done.")
                return
        except EditError as error:
            self.told.emit(str(error))
            return

        def work(context: JobContext) -> Change:
            return task.work(context)

        def accept(change: Change) -> None:
            self._try(lambda: self.tools.accept(task, change), f"{task.title}: done.")

        handlers = Handlers(
            done=accept,
            failed=lambda error: self.told.emit(str(error)),
            cancelled=lambda: self.told.emit(f"{task.title} was cancelled; the mask is unchanged."),
        )
        self._jobs.start(Job(task.title, work, self._tag(), exclusive=GROUP), handlers)

    def _try(self, act: Callable[[], object], done: str = "") -> None:
        try:
            act()
        except EditError as error:
            self.told.emit(str(error))
            return
        if done:
            self.told.emit(done)

    def _choose(self, choice: ToolChoice) -> None:
        if choice.brush:
            self.tools.set_brush(**choice.brush)
        if choice.options:
            self.tools.set_options(**self._with_range(choice.options))

    def _with_range(self, options: dict[str, Any]) -> dict[str, Any]:
        """A range that is asked for the first time begins as the window in use."""
        known = self.tools.options
        if "greys" in options and known.low == known.high:
            window = self._grid.active.window
            return {**options, "low": window.centre - window.width / 2, "high": window.centre + window.width / 2}
        return options

    def _options_changed(self) -> None:
        self._show_options()
        self._memory.change(**to_settings(self.tools.options, self._session.brush))
        for view in self._grid.shown:
            view.refresh_pointer()

    def _show_options(self) -> None:
        grid = self._session.grid
        calibrated = grid is None or grid.calibrated
        self._edit.show_options(self.tools.options, self._session.brush, calibrated=calibrated)
        self._refine.show_options(self.tools.options, calibrated=calibrated)
        self._labels_panel.show_chosen(self._session.brush.label)

    def _labels_changed(self) -> None:
        mask, brush = self._session.mask, self._session.brush
        table = None if mask is None else mask.labels
        if table is not None and len(table) and table.get(brush.label) is None:
            self._session.set_brush(label=next(iter(table)).number)
        self._edit.show_labels(table, self._session.brush)
        self._labels_panel.show_chosen(self._session.brush.label)

    def _study_changed(self) -> None:
        self._jobs.cancel_stale()
        self.layer.drop()
        self.tools.options = self.tools.options.changed(low=0.0, high=0.0)  # greys of another image
        self._labels_changed()
        self._show_options()


class GrowGesture:
    """A region that follows the hand: found on another thread, the newest tolerance last, shown as it arrives."""

    def __init__(self, growing: Growing, jobs: JobRunner, tag: JobTag, tell: Callable[[str], None]) -> None:
        self._growing, self._jobs, self._tag, self._tell = growing, jobs, tag, tell
        self._busy = self._again = self._let_go = False
        self._request()

    def scale(self, factor: float) -> None:
        """The hand moved: take more (above 1) or fewer greys; nothing once another step has ended the gesture."""
        if not self._growing.active:
            return
        share = self._growing.scale_tolerance(factor)
        self._tell(f"Tolerance {share * 100:.1f} % of the window")
        self._request()

    def finish(self) -> None:
        """The hand let go: what is found last becomes a step."""
        self._let_go = True
        if not self._busy:
            self._growing.finish()

    def abandon(self) -> None:
        """Take it back."""
        self._growing.abandon()

    def _request(self) -> None:
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, False
        work = self._growing.work()

        def find(context: JobContext) -> Region:
            return work(context)

        handlers = Handlers(done=self._found, failed=self._failed, cancelled=self.abandon)
        self._jobs.start(Job("Growing a region", find, self._tag, exclusive=PREVIEW), handlers)

    def _found(self, region: Region) -> None:
        self._busy = False
        self._growing.show(region)
        if self._again:
            self._request()
        elif self._let_go:
            self._growing.finish()

    def _failed(self, error: Exception) -> None:
        self._busy = False
        self._growing.abandon()
        self._tell(str(error))
