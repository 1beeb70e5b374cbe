"""Fold batch normalisation into the convolutions before it: the deployed graph is Table 3 to the letter."""

import torch

from tumorview.ml.models.unet_cbam import BatchNorm, Block, UNetCBAM


def fold_batch_norm(model: UNetCBAM) -> UNetCBAM:
    """An equal network (in eval mode) with ``norm=None``: weights scaled, biases added; the input is untouched."""
    folded = UNetCBAM(model.width, model.in_channels, model.classes, None, model.reduction, model.deepest)
    state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    if model.norm is not None:
        for prefix, block in model.named_modules():
            if isinstance(block, Block):
                for conv, norm in ((f"{prefix}.conv1", block.norm1), (f"{prefix}.conv2", block.norm2)):
                    assert isinstance(norm, BatchNorm)
                    weight, bias = _folded(state[f"{conv}.weight"], norm)
                    state[f"{conv}.weight"], state[f"{conv}.bias"] = weight, bias
        state = {name: tensor for name, tensor in state.items() if ".norm" not in name}
    folded.load_state_dict(state, strict=True)
    return folded.to(next(model.parameters()).device).eval()


def _folded(weight: torch.Tensor, norm: BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight [o, i, 3, 3] and bias [o] of the convolution that does the work of both; float64 inside."""
    scale = norm.weight.detach().double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    return (weight.double() * scale.reshape(-1, 1, 1, 1)).to(weight.dtype), bias.to(weight.dtype)
