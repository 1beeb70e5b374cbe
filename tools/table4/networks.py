"""The compared architectures as networks that TumorView's trainer takes.

UNet, DeepLabV3, PSPNet and MA-Net come from segmentation-models-pytorch (MIT), each on an untrained ResNet-34. That
package is needed here only; the product does not know it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tumorview.errors import ModelError
from tumorview.ml.models import Network, build_model
from tumorview.ml.models.unet_cbam import BatchNorm

_KINDS = {"unet": "Unet", "deeplabv3": "DeepLabV3", "pspnet": "PSPNet", "manet": "MAnet"}
_NOMINAL_WIDTH = 32  # the trainer asks whether compiling pays; these cost about as much as ours at this width


class SmpNetwork(Network):
    """A network of segmentation-models-pytorch; ``architecture`` is ``smp-KIND-ENCODER``."""

    def __init__(self, architecture: str, in_channels: int, classes: int) -> None:
        import segmentation_models_pytorch as smp

        super().__init__()
        _, kind, encoder = architecture.split("-")
        self.architecture, self.in_channels, self.classes = architecture, in_channels, classes
        self.width = _NOMINAL_WIDTH
        make = getattr(smp, _KINDS[kind])
        self.net: nn.Module = make(encoder_name=encoder, encoder_weights=None, in_channels=in_channels, classes=classes)
        replace_batch_norm(self.net)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)  # type: ignore[no-any-return]  # nn.Module.__call__ is Any

    def metadata(self) -> dict[str, str]:
        """What ``build`` needs to make it again."""
        return {
            "architecture": self.architecture,
            "in_channels": str(self.in_channels),
            "classes": str(self.classes),
        }


def replace_batch_norm(network: nn.Module) -> None:
    """TumorView's batch norm in place of torch's: the same function, without the counter of batches in the state.

    That counter is an integer, and the trainer averages everything in the state.
    """
    for parent in list(network.modules()):
        for name, part in parent.named_children():
            if isinstance(part, nn.BatchNorm2d):
                assert part.momentum is not None
                ours = BatchNorm(part.num_features, part.eps, part.momentum)
                state, wanted = part.state_dict(), ours.state_dict()
                ours.load_state_dict({key: state[key] for key in wanted})
                setattr(parent, name, ours)


def build(metadata: Mapping[str, str]) -> Network:
    """The untrained network that a recipe's ``[model]`` or a weights file describes."""
    architecture = metadata["architecture"]
    if not architecture.startswith("smp-"):
        return build_model(metadata)
    try:
        return SmpNetwork(architecture, int(metadata["in_channels"]), int(metadata["classes"]))
    except (KeyError, ValueError) as error:
        raise ModelError(f"The architecture {architecture!r} is not known.", "See tools/table4/rows.py.") from error


@dataclass(frozen=True)
class Cost:
    """``parameters`` of a network, and floating-point operations of one slice (a multiply-add counts as two)."""

    parameters: int
    gflop: float


def cost_of(metadata: Mapping[str, str], size: int) -> Cost:
    """Counted on tensors without memory, so that it takes no time."""
    with torch.device("meta"):
        network = build(metadata).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, int(metadata["in_channels"]), size, size, device="meta"))
    return Cost(sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 1e9)
