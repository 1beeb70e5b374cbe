"""What the trainer asks of a network: any segmentation network that says how it is built again."""

from abc import abstractmethod
from collections.abc import Callable, Mapping

from torch import nn


class Network(nn.Module):
    """[n, channels, h, w] z-scored slices -> [n, classes, h, w] logits.

    ``width`` tells the trainer how the network's cost compares with itself after growing. All tensors of the state
    are floating point, because they are averaged.
    """

    width: int

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """What a weights file says about the network; a ``NetworkBuilder`` reads it back."""


NetworkBuilder = Callable[[Mapping[str, str]], Network]
