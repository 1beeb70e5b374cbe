"""A titled section of a dock that folds away."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from tumorview.gui import icons, theme


class Panel(QWidget):
    """A titled section of a dock that folds away; ``folded_changed`` tells the new state."""

    folded_changed = Signal(bool)

    def __init__(self, title: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_panel")
        self.header = QToolButton()
        self.header.setObjectName("panel_header")
        self.header.setText(f" {title}")
        self.header.setAccessibleName(f"{title} panel")
        self.header.setToolTip(f"Fold or unfold {title}")
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.grows(self.header, height=theme.TARGET)
        self.header.setIconSize(QSize(12, 12))
        self.header.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.header.clicked.connect(lambda: self.set_folded(not self.folded))
        self.body = QWidget()
        self.content = QVBoxLayout(self.body)
        self.content.setContentsMargins(theme.GRID, 0, theme.GRID, theme.GRID)
        self.content.setSpacing(6)
        line = QFrame()
        line.setObjectName("panel_separator")
        line.setFixedHeight(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.body)
        layout.addWidget(line)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.refresh_icons()

    def add_to_header(self, *widgets: QWidget) -> None:
        """Put small controls at the right end of the header, where they need no row of their own."""
        layout = self.header.layout() or QHBoxLayout(self.header)
        layout.setContentsMargins(0, 0, theme.GRID // 2, 0)
        layout.setSpacing(0)
        if isinstance(layout, QHBoxLayout):
            layout.addStretch(1)
        for widget in widgets:
            layout.addWidget(widget)

    @property
    def folded(self) -> bool:
        """Whether only the header is shown."""
        return self.body.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Hide or show what is under the header."""
        if folded != self.folded:
            self.body.setHidden(folded)
            self.refresh_icons()
            self.folded_changed.emit(folded)

    def refresh_icons(self) -> None:
        """Draw the icons again in the theme's colours."""
        name = "closed_panel" if self.folded else "open_panel"
        self.header.setIcon(icons.icon(name, theme.colours().text_dim))
