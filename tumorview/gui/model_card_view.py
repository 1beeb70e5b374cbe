"""A model's card as a page to read: what it is, what it scores, where it fails, what it may be used for."""

from html import escape

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QTextBrowser, QWidget

from tumorview.app.card_facts import about, facts, figure_rows
from tumorview.app.model_store import StoredModel
from tumorview.gui import theme
from tumorview.gui.widgets import named


class ModelCardView(QTextBrowser):
    """Text of cards from elsewhere is shown, never followed: no link opens, nothing is fetched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "model_card", "Model card")
        self.setToolTip("")
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setTabChangesFocus(True)
        self._model: StoredModel | None = None

    def show_model(self, model: StoredModel | None) -> None:
        """Show this model's card, or nothing."""
        self._model = model
        self.setHtml("" if model is None else _page(model))

    def changeEvent(self, event: QEvent) -> None:
        """Colours are in the text: write it again in those of the new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.show_model(self._model)


def _page(model: StoredModel) -> str:
    c = theme.colours()
    card = model.entry.card
    parts = [f"<h2>{escape(model.title)}</h2>", f"<p style='color:{c.text_dim}'>{escape(_origin(model))}</p>"]
    if card is None:
        parts.append(f"<p>The folder is {escape(str(model.entry.folder))}.</p>")
        return "".join(parts)
    if model.own_notes:
        parts.append(f"<p>{_lines(model.own_notes)}</p>")
    parts.append("<h3 style='margin-top:18px'>Figures</h3>")
    parts += [_figures(name, figures) for name, figures in card.metrics.items()]
    if not card.metrics:
        parts.append("<p>Nothing was measured yet.</p>")
    notes = [note for note in card.notes if not note.startswith("Note: ")]
    for title, entries in (("Where it fails", card.failure_modes), ("Notes", notes), ("Attribution", card.attribution)):
        if entries:
            items = "".join(f"<li>{_lines(entry)}</li>" for entry in entries)
            parts.append(f"<h3 style='margin-top:18px'>{title}</h3><ul>{items}</ul>")
    rows = "".join(
        f"<tr><td style='color:{c.text_dim}' width='140'>{escape(name)}</td><td>{_breakable(value)}</td></tr>"
        for name, value in facts(card).items()
        if value
    )
    parts.append(f"<h3 style='margin-top:18px'>Facts</h3><table cellspacing='0' cellpadding='3'>{rows}</table>")
    return "".join(parts)


def _origin(model: StoredModel) -> str:
    words = {"bundled": "comes with TumorView", "trained here": "trained on this computer"}
    origin = words.get(model.record.source.value, "imported")
    if model.record.installed:
        origin += f", installed {model.record.installed[:10]}"
    purpose = "" if model.purpose is None else f", for {'the ' * (model.purpose == 'whole tumour')}{model.purpose}"
    return f"{model.id}, {origin}{purpose}"


def _figures(name: str, figures: object) -> str:
    assert isinstance(figures, dict)
    c = theme.colours()
    rows = "".join(
        f"<tr><td>{escape(row.title)}</td><td align='right'>{escape(row.shown)}</td>"
        f"<td style='color:{c.text_dim}'>&nbsp;&nbsp;{escape(row.interval)}</td></tr>"
        for row in figure_rows(figures)
    )
    measured = about(figures)
    on = f" <span style='color:{c.text_dim}'>({escape(measured)})</span>" if measured else ""
    head = (
        f"<tr style='color:{c.text_dim}'><td width='300'></td><td align='right' width='80'>value</td>"
        "<td width='170'>&nbsp;&nbsp;95 % interval</td></tr>"
    )
    return (
        f"<p style='margin-top:14px; margin-bottom:2px'><b>{escape(name)}</b>{on}</p>"
        f"<table cellspacing='0' cellpadding='2'>{head}{rows}</table>"
    )


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _breakable(text: str) -> str:
    """Long words such as hashes get places where a line may break."""
    return " ".join(
        escape(word) if len(word) < 40 else "&#8203;".join(escape(word[n : n + 16]) for n in range(0, len(word), 16))
        for word in text.split(" ")
    )
