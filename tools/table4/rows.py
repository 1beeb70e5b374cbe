"""What Table 4 compares: the rows with the paper's own figures, the protocols, and the recipe of each run."""

from dataclasses import dataclass, replace
from pathlib import Path

from tumorview.ml.recipes import Recipe, load_recipe

PATIENTS = "patients"
SLICES = "slices"
PROTOCOLS = {PATIENTS: "patient-level split", SLICES: "random slice split"}
ROW_FILE = "row.json"
STEP_TIMES = Path(__file__).with_name("step_times.json")


@dataclass(frozen=True)
class Row:
    """One model. ``paper_dice`` and ``paper_iou`` are what the paper prints in its Table 4, not our measurements."""

    key: str
    title: str
    architecture: str
    paper_dice: float
    paper_iou: float


ROWS = (
    Row("unet", "UNet", "smp-unet-resnet34", 0.915, 0.854),
    Row("deeplabv3", "DeepLabV3", "smp-deeplabv3-resnet34", 0.924, 0.866),
    Row("pspnet", "PSPNet", "smp-pspnet-resnet34", 0.920, 0.861),
    Row("manet", "MA-Net", "smp-manet-resnet34", 0.928, 0.873),
    Row("unet-cbam", "UNet+CBAM", "unet-cbam", 0.936, 0.882),
)


def recipe_of(row: Row, protocol: str, steps: int | None = None) -> Recipe:
    """The bundled recipe of the protocol with the row's architecture; ``steps`` shortens a trial run."""
    recipe = load_recipe(f"table4-{protocol}")
    recipe = replace(recipe, model=replace(recipe.model, architecture=row.architecture))
    if steps is not None:
        phases = tuple(replace(p, steps=steps, evaluate_every=min(p.evaluate_every, steps)) for p in recipe.phases)
        recipe = replace(recipe, phases=phases)
    return recipe


def run_folder(root: Path, row: Row, protocol: str) -> Path:
    """Where a row of a protocol is kept."""
    return root / protocol / row.key
