"""The lite network: pruned at its deepest level, at least four times less work, nearly the same output."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.unit.tiny_models import tiny_network
from tumorview.errors import ModelError
from tumorview.ml.model_setup import first_model, reshaped
from tumorview.ml.models import UNetCBAM, build_model, fold_batch_norm, grow_width, load_model, prune_deepest
from tumorview.ml.recipes import load_recipe
from tumorview.resources import resource_path


def picture(size: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def flops(width: int, deepest: int | None = None) -> int:
    """Of one 256x256 slice through the deployed graph."""
    with torch.device("meta"):
        network = UNetCBAM(width, norm=None, deepest=deepest)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.empty(1, 3, 256, 256))
    return counter.get_total_flops()


def with_silent_channels(silent: int) -> UNetCBAM:
    """Width 4, 64 channels at the deepest level; ``silent`` random ones of each convolution never send anything on."""
    network = tiny_network(width=4)
    block = network.encoder[-1]
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for norm in (block.norm1, block.norm2):
            quiet = torch.randperm(64, generator=generator)[:silent]
            norm.weight[quiet], norm.bias[quiet] = 0.0, -1.0
        # Two of the attention's four hidden units change nothing.
        block.cbam.channel.expand.weight[:, [0, 2]] = 0.0
    return network


def final_network(name: str) -> UNetCBAM:
    """What the last phase of a bundled recipe trains, before its first step."""
    recipe = load_recipe(name)
    network = first_model(recipe)
    for phase in recipe.phases:
        network = reshaped(network, phase, recipe.seed)
    assert isinstance(network, UNetCBAM)
    return network


def test_the_bundled_recipes_give_the_full_and_the_lite_network():
    full, lite = final_network("lgg"), final_network("lgg-lite")
    assert full.channels == final_network("lgg-scratch").channels == (64, 128, 256, 512, 1024)
    assert lite.channels == (32, 64, 128, 256, 448)
    assert flops(full.width) >= 4.04 * flops(lite.width, lite.deepest)
    assert flops(full.width) < 4.0 * flops(lite.width)  # half the width alone is not enough


def test_pruning_what_is_silent_changes_nothing():
    network = with_silent_channels(32)
    slim = prune_deepest(network, 32)
    assert slim.channels == (4, 8, 16, 32, 32)
    with torch.no_grad():
        # The maximum over the channels is one of those that are left, since they are never below 0.
        torch.testing.assert_close(slim(picture()), network(picture()), rtol=1e-4, atol=1e-5)


def test_what_is_lost_on_average_is_made_up_for():
    """A hidden channel that is constant (no variation, offset 2) may go without a trace away from the border."""
    network = tiny_network(width=4).double()
    block = network.encoder[-1]
    with torch.no_grad():
        block.norm1.weight[::2], block.norm1.bias[::2] = 1e-9, 0.05
        block.norm2.weight[32:], block.norm2.bias[32:] = 0.0, -1.0
    slim = prune_deepest(network, 32).encoder[-1].double()
    values = torch.randn(1, 32, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def before_attention(part: nn.Module) -> torch.Tensor:
        return part.norm2(part.conv2(torch.relu(part.norm1(part.conv1(values)))))

    with torch.no_grad():
        wanted, found = before_attention(block)[:, :32], before_attention(slim)
    torch.testing.assert_close(found[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2], rtol=1e-5, atol=1e-6)


def test_the_bundled_weights_pruned_still_segment():
    network = load_model(resource_path("recipes", "lgg-w32.safetensors"))
    slim = prune_deepest(network, 448)
    changed = Counter(
        name for name, tensor in slim.state_dict().items() if tensor.shape != network.state_dict()[name].shape
    )
    assert {name.split(".")[0] + name.split(".")[1] for name in changed} == {"encoder4", "decoder3"}
    with torch.no_grad():
        before, after = (part(picture()).softmax(1)[:, 1] for part in (network, slim))
    assert (before - after).abs().mean() < 0.02


def test_a_slim_network_folds_grows_and_describes_itself():
    slim = prune_deepest(with_silent_channels(20), 48)
    assert build_model(slim.metadata()).channels == slim.channels == (4, 8, 16, 32, 48)
    grown = grow_width(slim, 2)
    assert grown.channels == (8, 16, 32, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(fold_batch_norm(slim)(picture()), slim(picture()), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            grown.double()(picture().double()), slim.double()(picture().double()), rtol=1e-4, atol=1e-4
        )


def test_pruning_leaves_its_input_alone():
    network = tiny_network(width=4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    prune_deepest(network, 32)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("channels", [0, 15, 65])
def test_impossible_sizes_are_refused(channels: int):
    with pytest.raises(ModelError, match=f"pruned to {channels}"):
        prune_deepest(tiny_network(width=4), channels)


def test_a_folded_network_is_refused():
    with pytest.raises(ModelError, match="batch norm"):
        prune_deepest(fold_batch_norm(tiny_network(width=4)), 32)
