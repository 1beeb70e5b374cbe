"""What every action of the table does in this window."""

from typing import TYPE_CHECKING

from tumorview.app.actions.mask_menu import LABEL_KEYS
from tumorview.app.layouts import Layout
from tumorview.app.measurements import Kind
from tumorview.app.tool_commands import COMMANDS
from tumorview.app.tool_options import Tool
from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.labels import LABEL_PRESETS
from tumorview.core.rendering import BoundaryStyle
from tumorview.gui import dialogs
from tumorview.gui.action_set import Handler
from tumorview.gui.command_palette import CommandPalette
from tumorview.gui.editing import TOOL_ACTIONS
from tumorview.gui.log_viewer import LogViewer
from tumorview.gui.model_manager import ModelManager
from tumorview.gui.settings_dialog import SettingsDialog
from tumorview.gui.shortcut_editor import ShortcutEditor
from tumorview.gui.tags_viewer import TagsViewer

if TYPE_CHECKING:
    from tumorview.gui.main_window import MainWindow

BRUSH_STEP = 1.25


def handlers_of(window: "MainWindow") -> dict[str, Handler]:
    """One function per action id; looked up when called, so that the window may still be under construction."""
    return {
        **_file_handlers(window),
        **_edit_handlers(window),
        **_measure_handlers(window),
        **_view_handlers(window),
        **_image_handlers(window),
        **_layout_handlers(window),
    }


def _file_handlers(window: "MainWindow") -> dict[str, Handler]:
    return {
        "file.open": lambda: window.files.open_file(),
        "file.open_folder": lambda: window.files.open_folder(),
        "file.choose_study": lambda: window.files.choose_study(),
        "file.open_sample": lambda: window.files.open_sample(),
        "file.open_truth": lambda: window.files.masks.open_truth(),
        "file.open_mask": lambda: window.files.masks.open_mask(),
        "file.open_mask_folder": lambda: window.files.masks.open_mask_folder(),
        "file.open_session": lambda: window.files.sessions.open(),
        "file.save_session": lambda: window.files.sessions.save(),
        "file.save_session_as": lambda: window.files.sessions.save_as(),
        "file.save_mask": lambda: window.files.save_mask(),
        "file.export_nifti": lambda: window.files.export_nifti(),
        "file.export_png": lambda: window.files.pictures.export_png(),
        "view.export_3d_picture": lambda: window.export_3d_picture(),
        "file.settings": lambda: window.open_dialog(SettingsDialog, lambda: SettingsDialog(window.memory, window)),
        "file.tags": lambda: window.open_dialog(
            TagsViewer, lambda: TagsViewer(window.session, window.jobs, window.memory, window)
        ),
        "file.close": lambda: window.files.close_study(),
        "file.quit": lambda: window.close(),
        "help.about": lambda: dialogs.about(window),
        "help.shortcuts": lambda: dialogs.shortcuts(window, window.action_set.keymap, window.view().mouse_preset),
        "help.palette": lambda: window.open_dialog(CommandPalette, lambda: CommandPalette(window.action_set, window)),
        "help.edit_shortcuts": lambda: window.open_dialog(
            ShortcutEditor, lambda: ShortcutEditor(window.memory, window)
        ),
        "help.log": lambda: window.open_dialog(LogViewer, lambda: LogViewer(window.program_log, window)),
        "help.diagnostics": lambda: window.copy_diagnostics(),
    }


def _edit_handlers(window: "MainWindow") -> dict[str, Handler]:
    def step(direction: str) -> None:
        window.segmenting.settle()
        getattr(window.session, direction)()

    def tool(chosen: Tool) -> Handler:
        def choose(checked: bool) -> None:
            if checked:
                window.editing.set_tool(chosen)

        return choose

    def command(action: str) -> Handler:
        return lambda: window.editing.command(action)

    def paint(number: int) -> Handler:
        return lambda: window.editing.choose_label(number)

    def preset(preset_id: str) -> Handler:
        return lambda: window.editing.use_preset(preset_id)

    return {
        "segment.run": lambda: window.segmenting.run(),
        "segment.cancel": lambda: window.waiting.cancel(),
        "segment.models": lambda: window.open_dialog(
            ModelManager, lambda: ModelManager(window.models, window.jobs, window)
        ),
        "train.wizard": lambda: window.training.open(),
        "segment.next_doubtful": lambda: window.viewing.show_doubtful(1),
        "segment.previous_doubtful": lambda: window.viewing.show_doubtful(-1),
        "edit.undo": lambda: step("undo"),
        "edit.redo": lambda: step("redo"),
        **{action: tool(chosen) for action, chosen in TOOL_ACTIONS.items()},
        "edit.brush_smaller": lambda: window.editing.scale_brush(1 / BRUSH_STEP),
        "edit.brush_larger": lambda: window.editing.scale_brush(BRUSH_STEP),
        **{action: command(action) for action in COMMANDS},
        "edit.add_label": lambda: window.editing.add_label(),
        "edit.remove_label": lambda: window.editing.remove_label(),
        **{f"edit.labels_{found.id}": preset(found.id) for found in LABEL_PRESETS},
        **{f"edit.label_{number}": paint(number) for number in range(1, LABEL_KEYS + 1)},
    }


def _measure_handlers(window: "MainWindow") -> dict[str, Handler]:
    def tool(kind: Kind) -> Handler:
        def choose(checked: bool) -> None:
            if checked:
                window.editing.set_tool(Tool.NAVIGATE)
            window.measuring.choose(kind if checked else None)

        return choose

    return {
        **{f"measure.{kind}": tool(kind) for kind in Kind},
        "measure.lesions": lambda on: window.measuring.show_lesions(on),
        "measure.show": lambda on: window.measuring.set_shown(on),
        "measure.delete": lambda: window.measuring.delete(),
        "measure.bring_back": lambda: window.measuring.bring_back(),
        "measure.copy": lambda: window.measuring.copy(),
        "measure.export": lambda: window.measuring.export(),
    }


def _view_handlers(window: "MainWindow") -> dict[str, Handler]:
    return {
        "view.toggle_overlay": lambda on: window.display.change_overlay(visible=on),
        "view.compare_truth": lambda on: window.display.change_overlay(compare=on),
        "view.heat_map": lambda on: window.display.change_overlay(heat_map=on),
        "view.uncertainty": lambda on: window.display.change_overlay(uncertainty=on),
        "view.overlay_fainter": lambda: window.display.scale_opacity(-1),
        "view.overlay_stronger": lambda: window.display.scale_opacity(1),
        "view.boundary": lambda on: window.display.change_overlay(boundary=on),
        "view.voxel_outline": lambda on: window.display.change_overlay(
            outline=BoundaryStyle.VOXEL if on else BoundaryStyle.SMOOTH
        ),
        "view.solo_label": lambda: window.session.solo_label(window.session.brush.label),
        "view.next_slice": lambda: window.viewing.view.step(1),
        "view.previous_slice": lambda: window.viewing.view.step(-1),
        "view.next_tumour": lambda: window.viewing.view.next_tumour(1),
        "view.previous_tumour": lambda: window.viewing.view.next_tumour(-1),
        "view.largest_tumour": lambda: window.viewing.show_largest(),
        "view.reset": lambda: window.viewing.view.reset_view(),
        "view.invert": lambda _: window.viewing.toggle_inverted(),
        "view.flip_horizontal": lambda: window.viewing.turn(window.viewing.view.turn.flipped_horizontally()),
        "view.flip_vertical": lambda: window.viewing.turn(window.viewing.view.turn.flipped_vertically()),
        "view.rotate": lambda: window.viewing.turn(window.viewing.view.turn.rotated()),
        "view.smooth": lambda on: window.memory.set(interpolation="linear" if on else "nearest"),
        "view.cine": lambda on: window.viewing.play(on),
        "view.cine_faster": lambda: window.viewing.cine.change_rate(1),
        "view.cine_slower": lambda: window.viewing.cine.change_rate(-1),
        "view.study_panel": lambda on: window.panels.study.setVisible(on),
        "view.history_panel": lambda on: window.stepping.show_panel(shown=on),
        "view.tools_panel": lambda on: window.panels.tools.setVisible(on),
        "view.full_screen": lambda on: window.showFullScreen() if on else window.showNormal(),
        "view.light_theme": lambda on: window.memory.set(theme="light" if on else "dark"),
        "view.hide_identity": lambda on: window.memory.set(hide_identity=on),
    }


def _image_handlers(window: "MainWindow") -> dict[str, Handler]:
    def preset(chosen: Preset) -> Handler:
        return lambda _: window.viewing.set_preset(chosen)

    def colours(chosen: ColourMap) -> Handler:
        return lambda _: window.viewing.set_colour_map(chosen)

    return {
        "study.register": lambda: window.registering.start(),
        "study.unregister": lambda: window.registering.take_back(),
        **{f"view.{chosen}_window": preset(chosen) for chosen in Preset},
        **{f"view.{chosen}_colours": colours(chosen) for chosen in ColourMap},
    }


def _layout_handlers(window: "MainWindow") -> dict[str, Handler]:
    def arrange(layout: Layout) -> Handler:
        return lambda on: window.viewing.choose_layout(layout) if on else None

    return {
        **{f"view.{layout.value}": arrange(layout) for layout in Layout},
        "view.hang_tumour": lambda: window.viewing.hang_tumour(),
        "view.maximise": lambda: window.grid.toggle_maximised(),
        "view.next_series": lambda: window.grid.step_series(1),
        "view.previous_series": lambda: window.grid.step_series(-1),
        "view.link": lambda on: window.reading.set_linked(on),
        "view.crosshair": lambda on: window.viewing.set_crosshair(on),
    }
