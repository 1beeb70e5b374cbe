"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from tumorview.core.opening import Irregular

InputPath = Annotated[
    Path, typer.Argument(metavar="PATH", help="A file, folder or zip archive with images.", show_default=False)
]
StudyKey = Annotated[
    str, typer.Option("--study", help="Which of several studies: a key from 'tumorview info'.", show_default=False)
]
IrregularSlices = Annotated[
    Irregular, typer.Option("--irregular", help="Missing, uneven or tilted slices: as acquired, resampled, or in part.")
]
QForm = Annotated[bool, typer.Option("--qform", help="Where a NIfTI file's two orientations disagree, use the qform.")]
Alone = Annotated[bool, typer.Option("--alone", help="A single DICOM slice without those that lie beside it.")]
OwnRoles = Annotated[
    bool, typer.Option("--own-roles/--no-own-roles", help="Roles as you corrected them in the window, by protocol.")
]
SecondLook = Annotated[
    bool | None,
    typer.Option(
        "--second-look/--no-second-look", help="Mirrored, darker images too; otherwise what the model's card says."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ModelId = Annotated[str, typer.Option("--model", help="Model id; 'tumorview models list' shows them.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Engine = Annotated[str, typer.Option("--engine", help="auto, torch or openvino.")]
Postprocess = Annotated[
    bool, typer.Option("--postprocess/--no-postprocess", help="What the model's card recommends after the network.")
]
