"""Network architectures, by the name that a ModelCard and a recipe give."""

from tumorview.ml.models.fold import fold_batch_norm
from tumorview.ml.models.grow import grow_width
from tumorview.ml.models.network import Network, NetworkBuilder
from tumorview.ml.models.prune import prune_deepest
from tumorview.ml.models.unet_cbam import LayerRow, Norm, UNetCBAM
from tumorview.ml.models.weights import build_model, load_model

__all__ = [
    "LayerRow",
    "Network",
    "NetworkBuilder",
    "Norm",
    "UNetCBAM",
    "build_model",
    "fold_batch_norm",
    "grow_width",
    "load_model",
    "prune_deepest",
]
