"""Brings every change of a setting into the open window at once."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from tumorview.app.keymap import keymap
from tumorview.app.mouse import mouse_preset
from tumorview.app.settings import Settings, role_presets
from tumorview.core.rendering import BoundaryStyle
from tumorview.core.study import Role
from tumorview.gui import theme

if TYPE_CHECKING:
    from tumorview.gui.main_window import MainWindow


class Preferences(QObject):
    """What each setting means for the window; settings that others read when they need them are not named here."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._applied = window.memory.settings
        self._meanings: dict[str, Callable[[Settings], None]] = {
            "theme": self._look,
            "font_scale": self._look,
            "mouse_preset": self._mouse,
            "key_preset": self._keys,
            "shortcuts": self._keys,
            "overlay_opacity": self._overlay,
            "boundary": self._overlay,
            "boundary_width": self._overlay,
            "outline": self._overlay,
            **{f"{role.lower()}_window": self._windows for role in Role},
            "interpolation": self._interpolation,
            "device": self._engine,
            "engine": self._engine,
            "hide_identity": self._identity,
            "name_in_title": self._identity,
            "keep_recent": self._recent,
            "recent": self._recent,
        }
        self._check()
        self._mouse(self._applied)
        self._keys(self._applied)
        self._interpolation(self._applied)
        self._windows(self._applied)
        window.memory.store.changed.connect(self._follow)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)

    def _follow(self, settings: Settings) -> None:
        before, self._applied = self._applied, settings
        names = [
            entry.name for entry in fields(Settings) if getattr(before, entry.name) != getattr(settings, entry.name)
        ]
        for meaning in dict.fromkeys(self._meanings[name] for name in names if name in self._meanings):
            meaning(settings)

    def _system_changed(self) -> None:
        if self._applied.theme == "system":
            self._look(self._applied)

    def _look(self, settings: Settings) -> None:
        window, application = self._window, QApplication.instance()
        assert isinstance(application, QApplication)
        theme.apply(application, settings.theme, settings.font_scale)
        window.action_set.refresh_icons()
        for panel in window.tools.panels:
            panel.refresh_icons()
        window.display.refresh()
        window.welcome.refresh_icons()
        window.names.show_recent()
        self._check()

    def _check(self) -> None:
        settings, actions = self._applied, self._window.action_set
        actions.check("view.light_theme", checked=theme.effective(settings.theme) == "light")
        actions.check("view.hide_identity", checked=settings.hide_identity)

    def _mouse(self, settings: Settings) -> None:
        for view in self._window.views:
            view.set_mouse(mouse_preset(settings.mouse_preset))

    def _keys(self, settings: Settings) -> None:
        self._window.action_set.set_keymap(keymap(settings.key_preset, settings.shortcuts))

    def _overlay(self, settings: Settings) -> None:
        display = self._window.display
        wanted = {
            "opacity": settings.overlay_opacity,
            "boundary": settings.boundary,
            "boundary_width": settings.boundary_width,
            "outline": BoundaryStyle(settings.outline),
        }
        if any(getattr(display.overlay, name) != value for name, value in wanted.items()):
            display.change_overlay(**wanted)

    def _windows(self, settings: Settings) -> None:
        self._window.reading.set_role_presets(role_presets(settings))

    def _interpolation(self, settings: Settings) -> None:
        for view in self._window.views:
            view.set_smooth(settings.interpolation == "linear")
        self._window.action_set.check("view.smooth", checked=settings.interpolation == "linear")

    def _engine(self, settings: Settings) -> None:
        self._window.tools.segment.set_options(settings.device, settings.engine)

    def _identity(self, settings: Settings) -> None:
        self._check()
        self._window.names.show_study()
        self._window.names.show_recent()

    def _recent(self, settings: Settings) -> None:
        if not settings.keep_recent and settings.recent:
            self._window.memory.set(recent=())
        else:
            self._window.names.show_recent()
