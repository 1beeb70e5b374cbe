"""Which part of a slice a view shows and how large: plain numbers, no Qt."""

FIT_MARGIN = 26.0  # pixels left free around a fitted slice, for the letters at the edges
MINIMUM_ZOOM = 0.25
MAXIMUM_ZOOM = 40.0


class Viewport:
    """Maps places of a slice (row, column; pixel centres are whole numbers) to widget pixels and back.

    ``zoom`` 1 fits the whole slice into the widget; ``centre`` is the place shown in the widget's middle.
    """

    def __init__(self) -> None:
        self.width, self.height = 1.0, 1.0
        self.rows, self.columns = 1, 1
        self.spacing = (1.0, 1.0)
        self.zoom = 1.0
        self.centre = (0.0, 0.0)

    def resize(self, width: float, height: float) -> None:
        """The widget has a new size; the place in its middle stays."""
        self.width, self.height = max(width, 1.0), max(height, 1.0)

    def set_slice(self, size: tuple[int, int], spacing: tuple[float, float]) -> None:
        """Slices have ``size`` (rows, columns) and ``spacing`` mm between rows and columns."""
        self.rows, self.columns = size
        self.spacing = spacing

    def reset(self) -> None:
        """Fit the whole slice into the widget."""
        self.zoom = 1.0
        self.centre = ((self.rows - 1) / 2, (self.columns - 1) / 2)

    @property
    def fitted(self) -> bool:
        """Whether it was not moved since the slice was fitted."""
        row, column = self.centre
        centred = abs(row - (self.rows - 1) / 2) < 1e-6 and abs(column - (self.columns - 1) / 2) < 1e-6
        return centred and abs(self.zoom - 1.0) < 1e-6

    @property
    def whole(self) -> bool:
        """Whether the whole slice is in the widget."""
        _, _, width, height = self.part
        return width > 0.999 and height > 0.999

    @property
    def part(self) -> tuple[float, float, float, float]:
        """What is shown of the slice: left, top, width and height as shares of it, clipped to 0..1."""
        top, left = self.to_slice(0.0, 0.0)
        bottom, right = self.to_slice(self.width, self.height)
        x = [min(max((edge + 0.5) / self.columns, 0.0), 1.0) for edge in (left, right)]
        y = [min(max((edge + 0.5) / self.rows, 0.0), 1.0) for edge in (top, bottom)]
        return x[0], y[0], x[1] - x[0], y[1] - y[0]

    @property
    def scale(self) -> float:
        """Widget pixels per mm (per voxel where uncalibrated)."""
        row_mm, column_mm = self.spacing
        margin = FIT_MARGIN if min(self.width, self.height) > 6 * FIT_MARGIN else 0.0
        across = (self.width - 2 * margin) / (self.columns * column_mm)
        down = (self.height - 2 * margin) / (self.rows * row_mm)
        return max(min(across, down), 1e-6) * self.zoom

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Height and width of one slice pixel, in widget pixels."""
        scale = self.scale
        return self.spacing[0] * scale, self.spacing[1] * scale

    @property
    def origin(self) -> tuple[float, float]:
        """Widget position (x, y) of the top left corner of the slice's first pixel."""
        height, width = self.pixel_size
        return self.width / 2 - (self.centre[1] + 0.5) * width, self.height / 2 - (self.centre[0] + 0.5) * height

    def to_widget(self, row: float, column: float) -> tuple[float, float]:
        """Widget position (x, y) of a place in the slice."""
        height, width = self.pixel_size
        x, y = self.origin
        return x + (column + 0.5) * width, y + (row + 0.5) * height

    def to_slice(self, x: float, y: float) -> tuple[float, float]:
        """Place (row, column) in the slice under a widget position."""
        height, width = self.pixel_size
        left, top = self.origin
        return (y - top) / height - 0.5, (x - left) / width - 0.5

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by widget pixels; some of it always stays in the middle."""
        height, width = self.pixel_size
        self.look_at(self.centre[0] - dy / height, self.centre[1] - dx / width)

    def look_at(self, row: float, column: float) -> None:
        """Show a place of the slice in the widget's middle."""
        self.centre = (
            min(max(row, -0.5), self.rows - 0.5),
            min(max(column, -0.5), self.columns - 0.5),
        )

    def zoom_about(self, x: float, y: float, factor: float) -> None:
        """Enlarge by ``factor``; what lies under widget position (x, y) stays there."""
        row, column = self.to_slice(x, y)
        self.zoom = min(max(self.zoom * factor, MINIMUM_ZOOM), MAXIMUM_ZOOM)
        moved_x, moved_y = self.to_widget(row, column)
        self.pan(x - moved_x, y - moved_y)
