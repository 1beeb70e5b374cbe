"""Who plays which part: roles given by combo box or by dropping a series on an input, and remembered per protocol."""

from PySide6.QtCore import QObject, Signal

from tumorview.app import protocols
from tumorview.app.session import Session
from tumorview.core.study import Role, Series
from tumorview.gui.docks.channel_slots import ChannelSlots
from tumorview.gui.docks.study_dock import StudyDock
from tumorview.gui.timing import Memory


class ChannelController(QObject):
    """Between the series list, the inputs of the network and the session; ``told`` is for the status bar."""

    told = Signal(str)

    def __init__(
        self, session: Session, slots: ChannelSlots, dock: StudyDock, memory: Memory, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._slots, self._dock, self._memory = session, slots, dock, memory
        slots.chosen.connect(lambda choice: self.feed(*choice))
        dock.role_chosen.connect(lambda choice: self.assign(*choice))
        session.study_changed.connect(lambda _: self.refresh())
        session.series_changed.connect(lambda _: self.refresh())

    def refresh(self) -> None:
        """Show what feeds the network now."""
        self._slots.show_study(self._session.study)

    def feed(self, series: Series, role: Role) -> None:
        """Let ``series`` be the one that plays ``role``: another that the user gave this part before loses it."""
        study = self._session.study
        if study is None:
            return
        rival = study.channels[role]
        if rival is not None and rival.uid != series.uid and rival.uid in study.roles:
            self.assign(rival, rival.role if rival.role is not role else Role.OTHER)
        self.assign(series, role)

    def assign(self, series: Series, role: Role) -> None:
        """The user says that ``series`` is a ``role``; the next study of this protocol is opened like that."""
        study = self._session.study
        if study is None:
            return
        lines = self._memory.settings.protocol_roles
        self._memory.set(protocol_roles=protocols.with_correction(lines, study, series, role))
        self._session.set_role(series, role)
        self._dock.show_roles()
        remembered = "; remembered for this protocol" if series.protocol else ""
        self.told.emit(f"{series.description or 'The series'} is {role.value} now{remembered}")
