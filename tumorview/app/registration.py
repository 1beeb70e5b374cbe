"""Rigid registration: where one series lies when its head is brought onto that of another. Nothing is interpolated.

The result is a motion of the moving series in the patient: its affine changes, its voxels do not. Mutual information is
compared, so that sequences with other greys fit; SimpleITK finds the motion, on coarse grids first. It is imported here
and nowhere else, and only once somebody asks for a registration.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Affine
from tumorview.core.progress import Progress
from tumorview.core.study import Series, moved
from tumorview.errors import GeometryError, JobCancelled

SHRINK = (4, 2, 1)  # coarse to fine
SMOOTHING_MM = (4.0, 2.0, 1.0)
FINE_MM = 1.5  # in-plane spacing of the finest level: a known motion is found again to 0.1 mm with it, in seconds
BINS = 50  # of the joint histogram
SAMPLED, SEED = 0.15, 1  # of the voxels; the same ones each time, so that a registration can be repeated
ITERATIONS = 120  # of a level, at most

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Registration:
    """``matrix`` (4x4, LPS mm) moves places of ``moving`` to places of ``fixed``; similarity before and after.

    The similarity is mutual information (nats): the larger, the more one image tells about the other.
    """

    fixed: Series
    moving: Series
    matrix: Matrix
    before: float
    after: float

    @property
    def shift_mm(self) -> float:
        """How far the middle of the moving series goes."""
        geometry = self.moving.volume.geometry
        middle = geometry.index_to_world((np.array(geometry.shape) - 1) / 2)
        there = self.matrix[:3, :3] @ middle + self.matrix[:3, 3]
        return float(np.linalg.norm(there - middle))

    @property
    def angle_degrees(self) -> float:
        """By how much it turns."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix[:3, :3]) - 1) / 2, -1.0, 1.0))))

    @property
    def moved(self) -> Series:
        """The moving series where it lies after the registration, in the frame of reference of the fixed one."""
        return moved(self.moving, self.matrix, self.fixed)


def register(fixed: Series, moving: Series, progress: Progress | None = None) -> Registration:
    """Find the rigid motion of ``moving`` onto ``fixed``; GeometryError where either has no millimetres.

    Starts from where the files say they lie where that overlaps, otherwise from their middles. Raises JobCancelled.
    """
    import SimpleITK

    sitk: Any = SimpleITK  # untyped
    progress = progress or Progress()
    for series in (fixed, moving):
        if not series.volume.geometry.calibrated:
            raise GeometryError(
                "A picture without millimetres cannot be registered.", "Use the DICOM or NIfTI series instead."
            )
    still, other = _image(fixed, sitk), _image(moving, sitk)
    progress.check()
    shared = fixed.frame_of_reference in (None, moving.frame_of_reference) or moving.frame_of_reference is None
    start = sitk.VersorRigid3DTransform()
    start.SetCenter(still.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in still.GetSize()]))
    if not shared:
        kind = sitk.CenteredTransformInitializerFilter.MOMENTS
        start = sitk.VersorRigid3DTransform(sitk.CenteredTransformInitializer(still, other, start, kind))
    method = _method(sitk)
    method.SetInitialTransform(start, inPlace=False)
    watch = _Watch(method, progress)
    method.AddCommand(sitk.sitkIterationEvent, watch.iterated)
    method.AddCommand(sitk.sitkMultiResolutionIterationEvent, watch.next_level)
    try:
        found = method.Execute(still, other)
    except RuntimeError as error:
        progress.check()
        raise GeometryError(
            "The two series could not be registered: their images hardly overlap.",
            "Check that both show the head of the same patient.",
        ) from error
    if watch.cancelled:
        raise JobCancelled
    # SimpleITK's transform leads from the fixed image to the moving one; the series goes the other way.
    matrix = np.asarray(np.linalg.inv(_matrix(found)), dtype=np.float64)
    before, after = (_information(sitk, still, other, one) for one in (sitk.Transform(3, sitk.sitkIdentity), found))
    return Registration(fixed, moving, matrix, before, after)


def _image(series: Series, sitk: Any) -> Any:
    """The series as an image of SimpleITK, of about FINE_MM in the plane."""
    volume = series.measured()
    geometry = volume.geometry
    data = volume.data.astype(np.float32)
    affine = np.array(geometry.affine)
    for axis in (1, 2):  # rows and columns
        step = max(1, round(FINE_MM / geometry.spacing[axis]))
        if step > 1:
            data, affine = _binned(data, affine, axis, step)
    image = sitk.GetImageFromArray(np.ascontiguousarray(data))
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / steps
    if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-3:
        raise GeometryError("A series with sheared slices cannot be registered.", "Open it resampled first.")
    image.SetSpacing(steps.tolist())
    image.SetDirection(directions.ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def _binned(data: Floats, affine: Affine, axis: int, step: int) -> tuple[Floats, Affine]:
    """Means of ``step`` neighbours along array axis ``axis``; what is left over at the end goes."""
    count = data.shape[axis] // step
    cut = np.take(data, range(count * step), axis=axis)
    shape = (*data.shape[:axis], count, step, *data.shape[axis + 1 :])
    coarse = affine.copy()
    coarse[:3, 3] += affine[:3, 2 - axis] * (step - 1) / 2
    coarse[:3, 2 - axis] *= step
    return cut.reshape(shape).mean(axis=axis + 1, dtype=np.float32), coarse


def _method(sitk: Any) -> Any:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-3, numberOfIterations=ITERATIONS, gradientMagnitudeTolerance=1e-6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(SHRINK))
    method.SetSmoothingSigmasPerLevel(list(SMOOTHING_MM))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return method


class _Watch:
    """Reports progress from within SimpleITK, and stops it when the user cancels."""

    def __init__(self, method: Any, progress: Progress) -> None:
        self._method, self._progress = method, progress
        self._level = -1
        self.cancelled = False

    def next_level(self) -> None:
        self._level += 1

    def iterated(self) -> None:
        """An exception would be lost in SimpleITK: the method is told to stop instead."""
        done = (max(self._level, 0) + min(self._method.GetOptimizerIteration() / ITERATIONS, 1.0)) / len(SHRINK)
        self._progress.report(done, "Registering")
        try:
            self._progress.check()
        except JobCancelled:
            self.cancelled = True
            self._method.StopRegistration()


def _matrix(transform: Any) -> Matrix:
    """The rigid ``transform`` as 4x4: where it takes the origin and the three unit vectors."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    result = np.eye(4)
    for axis in range(3):
        unit = [0.0, 0.0, 0.0]
        unit[axis] = 1.0
        result[:3, axis] = np.array(transform.TransformPoint(unit)) - origin
    result[:3, 3] = origin
    return result


def _information(sitk: Any, still: Any, other: Any, transform: Any) -> float:
    """Mutual information (nats) of the two where ``transform`` puts them; 0 where they do not overlap."""
    method = _method(sitk)
    method.SetInitialTransform(transform)
    try:
        return -float(method.MetricEvaluate(still, other))
    except RuntimeError:
        return 0.0
