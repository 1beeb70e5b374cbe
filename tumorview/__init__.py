"""TumorView: look at, segment and correct brain-tumour MRI. Research use only, not a medical device."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tumorview")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
