"""What Table 4 compares: the rows with the paper's own figures, the protocols, and the recipe of each run."""

from dataclasses import dataclass, replace
from pathlib import Path

from tumorview.ml.recipes import Phase, Recipe, load_recipe

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
# No row of the table: the bundled weights' augmentation and optimiser, longer, with slices drawn at random.
LONGER = Row("lgg-slices", "UNet+CBAM, recipe `lgg-slices`", "unet-cbam", 0.936, 0.882)


@dataclass(frozen=True)
class Trial:
    """A run that is shortened to see whether everything works: fewer steps, smaller slices."""

    steps: int | None = None
    size: int | None = None

    def shortened(self, phase: Phase) -> Phase:
        """The phase with what the trial changes."""
        steps = self.steps or phase.steps
        every = min(phase.evaluate_every, steps)
        return replace(phase, steps=steps, evaluate_every=every, size=self.size or phase.size)


def recipe_of(row: Row, protocol: str, trial: Trial | None = None) -> Recipe:
    """The bundled recipe of the protocol with the row's architecture, shortened for a trial."""
    recipe = load_recipe("lgg-slices" if row is LONGER else f"table4-{protocol}")
    shortened = (trial or Trial()).shortened
    model = replace(recipe.model, architecture=row.architecture)
    return replace(recipe, model=model, phases=tuple(map(shortened, recipe.phases)))


def run_folder(root: Path, row: Row, protocol: str) -> Path:
    """Where a row of a protocol is kept."""
    return root / protocol / row.key
