"""What a file says about where its voxels lie, kept beside the Geometry that was made of it."""

from dataclasses import dataclass

from tumorview.core.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Placing:
    """``source`` names what the affine was made of ("" unknown): a form of NIfTI, attributes of DICOM.

    A file may say it twice: ``second`` is the name of its other statement, and ``other`` the Geometry by that one where
    the two disagree (None where they agree or there is only one).
    """

    source: str = ""
    second: str = ""
    other: Geometry | None = None

    def swapped(self, geometry: Geometry) -> "Placing":
        """The placing once the other statement is believed and ``geometry``, used until now, is the other one."""
        return Placing(self.second, self.source, geometry)
