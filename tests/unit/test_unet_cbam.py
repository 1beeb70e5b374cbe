"""The network: Table 3 of the paper, the names of the weights file, folding, growth."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from tumorview.core.metrics import Counts, count
from tumorview.errors import ModelError
from tumorview.ml.models import UNetCBAM, build_model, fold_batch_norm, grow_width, load_model
from tumorview.ml.preprocess import zscore


@pytest.fixture(scope="module")
def first_weights(shared_data: Path) -> Path:
    path = shared_data.parent / "models" / "unet-cbam-w32.safetensors"
    if not path.is_file():
        pytest.skip(f"the first weights are not at {path}")
    return path


def shaken(model: UNetCBAM) -> UNetCBAM:
    """Random weights and statistics everywhere, so that no tensor can be left out unnoticed."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            noise = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(
                noise + 0.5
                if name.endswith(("running_var", "norm1.weight", "norm2.weight"))
                else tensor + 0.2 * (noise - 0.5)
            )
    return model.eval()


def picture(size: int = 32, channels: int = 3) -> torch.Tensor:
    return torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(1))


def test_layer_table_is_table_3_of_the_paper():
    rows = {row.name: row for row in UNetCBAM(width=64, norm=None).layer_table()}
    block = "Conv + ReLU + Conv + ReLU + CBAM"
    for number, channels in enumerate((64, 128, 256, 512, 1024), 1):
        assert rows[f"Downsample {number}"][1:] == (block, "3x3", 1, 1, channels, "ReLU")
    for number, channels in enumerate((512, 256, 128, 64), 1):
        assert rows[f"Transposed {number}"][1:6] == ("Transpose Conv", "2x2", 2, 0, channels)
        assert rows[f"Upsample {number}"][1:] == (block, "3x3", 1, 1, channels, "ReLU")
    assert rows["Input"].output_channels == 3
    assert rows["Output"][1:] == ("Conv", "1x1", 1, 0, 2, "Softmax")


def test_layer_table_says_when_norm_is_in_the_graph():
    assert "Norm" in UNetCBAM(width=8).layer_table()[1].type


def test_size_and_work_at_width_64():
    model = UNetCBAM(width=64, norm=None).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(31.3e6, rel=0.005)
    with torch.device("meta"):
        on_meta = UNetCBAM(width=64, norm=None)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            on_meta(torch.empty(1, 3, 256, 256))
    assert counter.get_total_flops() == pytest.approx(96e9, rel=0.02)


@pytest.mark.parametrize("width", [16, 24])
def test_other_widths_channels_and_classes(width: int):
    model = UNetCBAM(width=width, in_channels=4, classes=5).eval()
    with torch.no_grad():
        assert model(picture(32, channels=4)).shape == (2, 5, 32, 32)
    assert build_model(model.metadata()).state_dict().keys() == model.state_dict().keys()


def test_impossible_networks_are_refused():
    with pytest.raises(ModelError, match="width 0"):
        UNetCBAM(width=0)
    with pytest.raises(ModelError, match="not known"):
        build_model({"architecture": "resnet"})
    with pytest.raises(ModelError, match="incomplete"):
        build_model({"architecture": "unet-cbam"})


def test_channel_attention_then_spatial_attention():
    """CBAM by hand in float64 on one block."""
    cbam = shaken(UNetCBAM(width=16)).encoder[0].cbam.double()
    x = torch.randn(1, 16, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    first, second = cbam.channel.reduce, cbam.channel.expand

    def mlp(vector: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(first.weight[:, :, 0, 0] @ vector + first.bias)
        return second.weight[:, :, 0, 0] @ hidden + second.bias

    y = x * torch.sigmoid(mlp(x[0].mean((1, 2))) + mlp(x[0].amax((1, 2))))[None, :, None, None]
    stacked = torch.stack([y[0].mean(0), y[0].amax(0)])[None]
    weight = torch.nn.functional.conv2d(stacked, cbam.spatial.conv.weight, cbam.spatial.conv.bias, padding=3)
    torch.testing.assert_close(cbam(x), y * torch.sigmoid(weight))


@pytest.mark.parametrize("width", [8, 24])
def test_folding_leaves_the_output_as_it_is(width: int):
    model = shaken(UNetCBAM(width=width)).double()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    folded = fold_batch_norm(model).double()
    assert folded.norm is None
    assert not any("norm" in name for name in folded.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(folded(picture().double()), model(picture().double()), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_folding_a_network_without_norm_copies_it():
    model = shaken(UNetCBAM(width=8, norm=None))
    torch.testing.assert_close(fold_batch_norm(model)(picture()), model(picture()))


@pytest.mark.parametrize(("width", "factor", "noise"), [(8, 2, 0.0), (8, 3, 0.5), (24, 2, 0.5)])
def test_growth_computes_the_same_function(width: int, factor: int, noise: float):
    model = shaken(UNetCBAM(width=width))
    grown = grow_width(model, factor, noise)
    assert grown.width == width * factor
    with torch.no_grad():
        torch.testing.assert_close(
            grown.double()(picture().double()), model.double()(picture().double()), rtol=1e-4, atol=1e-4
        )


def test_growth_noise_makes_copies_differ():
    grown = grow_width(shaken(UNetCBAM(width=8)), 2, noise=0.5)
    weight = grown.encoder[1].conv2.weight
    assert not torch.allclose(weight[:, :16], weight[:, 16:])
    still = grow_width(shaken(UNetCBAM(width=8)), 2, noise=0.0).encoder[1].conv2.weight
    assert torch.equal(still[:, :16], still[:, 16:])


def test_growth_by_one_is_refused():
    with pytest.raises(ModelError, match="factor of 1"):
        grow_width(UNetCBAM(width=8), 1)


def test_weights_file_describes_itself_and_is_checked(tmp_path: Path):
    model = shaken(UNetCBAM(width=8))
    path = tmp_path / "w8.safetensors"
    save_file(model.state_dict(), path, metadata=model.metadata())
    torch.testing.assert_close(load_model(path)(picture()), model(picture()))
    partial = {name: tensor for name, tensor in model.state_dict().items() if name != "head.bias"}
    save_file(partial, path, metadata=model.metadata())
    with pytest.raises(ModelError, match=r"lacks head\.bias"):
        load_model(path)
    path.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="not a readable weights file"):
        load_model(path)


def test_first_weights_load_strictly_and_segment(first_weights: Path, shared_data: Path):
    """Two of the nine validation patients, every sixth slice; all nine together give a pooled Dice of .80."""
    model = load_model(first_weights).to(memory_format=torch.channels_last)
    counts = Counts(0, 0, 0)
    for patient in ("TCGA_DU_6404_19850629", "TCGA_HT_8105_19980826"):
        folder = shared_data / "lgg" / patient
        for path in sorted(folder.glob("*.webp"))[2::6]:
            image = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32).transpose(2, 0, 1)[None] / 255
            truth = np.asarray(Image.open(folder / f"{path.stem}_mask.png"))
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                logits = model(torch.from_numpy(zscore(image)))
            counts += count(logits[0].argmax(0).numpy(), truth)
    assert counts.dice is not None
    assert counts.dice > 0.85
