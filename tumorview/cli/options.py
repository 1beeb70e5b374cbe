"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

InputPath = Annotated[Path, typer.Argument(metavar="PATH", help="A file or folder with images.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ModelId = Annotated[str, typer.Option("--model", help="Model id; 'tumorview models list' shows them.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Engine = Annotated[str, typer.Option("--engine", help="auto, torch or openvino.")]
Postprocess = Annotated[
    bool, typer.Option("--postprocess/--no-postprocess", help="What the model's card recommends after the network.")
]
