"""The exception tree: every error carries one sentence for the user and a remedy.

A front end shows ``str(error)`` and nothing else; a traceback means a bug in TumorView.
"""


class TumorViewError(Exception):
    """An error about the input or the machine that the user can act on.

    ``message`` is one sentence that says what went wrong, ``remedy`` one that says what to do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message.rstrip()
        self.remedy = remedy.rstrip()
        super().__init__(f"{self.message} {self.remedy}".strip())


class GeometryError(TumorViewError):
    """An affine or shape that does not describe a place in the patient, or two that do not fit together."""


class OtherGridError(GeometryError):
    """A mask on another grid that shares its place with the image: it fits after resampling, if the user agrees."""


class ReadError(TumorViewError):
    """A file or folder that cannot be read as an image."""


class WriteError(TumorViewError):
    """An output that could not be written or did not read back identical."""


class ModelError(TumorViewError):
    """A model that is missing, broken, of an unknown architecture or does not fit its card."""


class EngineError(TumorViewError):
    """An inference engine or device that is missing or failed."""


class EditError(TumorViewError):
    """An editing tool that cannot do what was asked for at this place of the mask."""


class TrainingError(TumorViewError):
    """Training data, recipe or run that cannot go on."""


class TrainingDataError(TrainingError):
    """A data set that is not where it was, or that vanished while it was read."""


class TrainingDivergedError(TrainingError):
    """Loss or weights that are no numbers any more."""


class TrainingMemoryError(TrainingError):
    """More memory than there is."""


class TrainingStorageError(TrainingError):
    """A run's folder that cannot be read or written: a full disk, a drive that was taken away."""


class JobCancelled(Exception):  # noqa: N818 - a request of the user, not an error
    """Raised inside a job when the user cancelled it."""
