"""Where the 3D view looks from: a turntable around a point of the patient, upright in every view from the side."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

FIELD_OF_VIEW = 30.0  # degrees, of the shorter side of the picture: little perspective, as in an anatomical plate
NEAREST, FARTHEST = 0.15, 8.0  # zoom
MARGIN = 1.05  # around what is fitted


@dataclass(frozen=True)
class Direction:
    """Where the camera stands, degrees: azimuth 0 is anterior, 90 the patient's left; elevation 90 is superior."""

    name: str
    azimuth: float
    elevation: float


# From above and below anterior is up, so that the view from below lies as axial slices do.
DIRECTIONS = (
    Direction("Anterior", 0.0, 0.0),
    Direction("Posterior", 180.0, 0.0),
    Direction("Left", 90.0, 0.0),
    Direction("Right", -90.0, 0.0),
    Direction("Superior", 180.0, 90.0),
    Direction("Inferior", 0.0, -90.0),
)
START = Direction("Start", 35.0, 20.0)


@dataclass(frozen=True)
class Camera:
    """Looks at ``centre`` (LPS mm); a ball of ``radius`` mm around it fills the picture at ``zoom`` 1."""

    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = 100.0
    azimuth: float = START.azimuth
    elevation: float = START.elevation
    zoom: float = 1.0

    def from_side(self, direction: Direction) -> "Camera":
        """The same place seen from ``direction``."""
        return replace(self, azimuth=direction.azimuth, elevation=direction.elevation)

    def turned(self, azimuth: float, elevation: float) -> "Camera":
        """Turned by so many degrees; straight above and below is the end."""
        return replace(
            self,
            azimuth=(self.azimuth + azimuth + 180) % 360 - 180,
            elevation=min(max(self.elevation + elevation, -90.0), 90.0),
        )

    def zoomed(self, factor: float) -> "Camera":
        """Nearer (above 1) or farther."""
        return replace(self, zoom=min(max(self.zoom * factor, NEAREST), FARTHEST))

    def panned(self, right: float, down: float) -> "Camera":
        """What is seen moves by these fractions of the picture's shorter side."""
        axes = self.axes
        millimetres = 2 * self.distance * math.tan(math.radians(FIELD_OF_VIEW / 2))
        x, y, z = np.asarray(self.centre) - axes[0] * right * millimetres + axes[1] * down * millimetres
        return replace(self, centre=(float(x), float(y), float(z)))

    @property
    def distance(self) -> float:
        """From the camera to the centre, mm."""
        return MARGIN * self.radius / math.sin(math.radians(FIELD_OF_VIEW / 2)) / self.zoom

    @property
    def axes(self) -> Matrix:
        """3x3: LPS unit vectors to the right of the picture, to its top and toward the camera, in rows."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        across = np.array([math.sin(azimuth), -math.cos(azimuth), 0.0])
        toward = across * math.cos(elevation) + np.array([0.0, 0.0, math.sin(elevation)])
        up = -across * math.sin(elevation) + np.array([0.0, 0.0, math.cos(elevation)])
        return np.stack([np.cross(up, toward), up, toward])

    def view(self) -> Matrix:
        """4x4 from LPS mm to the camera's frame: x right, y up, z toward the camera, which is at the origin."""
        axes = self.axes
        matrix = np.eye(4)
        matrix[:3, :3] = axes
        matrix[:3, 3] = -axes @ np.asarray(self.centre) - np.array([0.0, 0.0, self.distance])
        return matrix

    def projection(self, width: int, height: int) -> Matrix:
        """4x4 from the camera's frame to OpenGL's clip space for a picture of that size."""
        near = max(self.distance - 3 * self.radius, 0.02 * self.distance)
        far = self.distance + 3 * self.radius
        shorter = 1 / math.tan(math.radians(FIELD_OF_VIEW / 2))
        side = min(width, height)
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = shorter * side / width, shorter * side / height
        matrix[2, 2:] = (near + far) / (near - far), 2 * near * far / (near - far)
        matrix[3, 2] = -1.0
        return matrix

    def project(self, point: npt.ArrayLike, width: int, height: int) -> tuple[float, float]:
        """Where LPS mm ``point`` is seen: pixels from the left and the top of a picture of that size."""
        x, y, _, w = self.projection(width, height) @ self.view() @ np.append(np.asarray(point, np.float64), 1.0)
        return (x / w + 1) / 2 * width, (1 - y / w) / 2 * height
