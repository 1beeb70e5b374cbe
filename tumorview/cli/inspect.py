"""``info``, ``convert`` and ``actions``."""

from pathlib import Path
from typing import Annotated

import typer

from tumorview.app import documents, shortcut_page, tasks
from tumorview.app.actions import ACTIONS
from tumorview.cli.options import Alone, AsJson, InputPath, IrregularSlices, OwnRoles, QForm, StudyKey
from tumorview.cli.output import print_json, print_line, print_table, print_warning, progress_bar
from tumorview.core.opening import Irregular, Opening


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("info")(info)
    app.command("convert")(convert)
    app.command("actions")(actions)


def info(
    path: InputPath,
    study_key: StudyKey = "",
    irregular: IrregularSlices = Irregular.AS_IS,
    qform: QForm = False,
    alone: Alone = False,
    own_roles: OwnRoles = True,
    json: AsJson = False,
) -> None:
    """Series, roles, shapes, spacing and affines (LPS) of a study."""
    with progress_bar("Reading") as context:
        study = tasks.open_study(path, context, Opening(study_key, irregular, qform, alone=alone))
        study = tasks.with_own_roles(study) if own_roles else study
    if json:
        print_json(documents.info(study))
        return
    rows = [
        [
            str(study.role_of(series)),
            f"{series.role_confidence:.0%}",
            series.volume.geometry.describe(),
            series.description,
            series.uid,
        ]
        for series in study.series
    ]
    print_table(["role", "sure", "grid", "description", "uid"], rows)
    if study.choices:
        print_table(["studies here", "content"], [[choice.key, choice.content] for choice in study.choices])
    for warning in (*study.warnings, *(text for series in study.series for text in series.warnings)):
        print_warning(warning)


def convert(
    path: InputPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="OUT.nii.gz, or a folder with --all.", show_default=False)],
    series: Annotated[str, typer.Option("--series", help="uid of the series; without it the reference series.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Write every image series as <uid>.nii.gz.")] = False,
    study_key: StudyKey = "",
    irregular: IrregularSlices = Irregular.AS_IS,
    qform: QForm = False,
    alone: Alone = False,
    own_roles: OwnRoles = True,
) -> None:
    """Write a series as NIfTI in exact geometry."""
    with progress_bar("Reading") as context:
        study = tasks.open_study(path, context, Opening(study_key, irregular, qform, alone=alone))
        study = tasks.with_own_roles(study) if own_roles else study
        if every and not study_key:
            written, warnings = tasks.convert_every_study(study, out, context)
        else:
            if series:
                study = tasks.study_with_series(study, series, context)
            written = tasks.convert_all(study, out) if every else [tasks.convert(study, out, uid=series or None)]
            shown = study.series if every else [study.by_uid(series) if series else study.reference]
            warnings = [*study.warnings, *(text for one in shown for text in one.warnings)]
    for file in written:
        print_line(str(file))
    for warning in warnings:
        print_warning(warning)


def actions(
    json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page of the user guide.")] = False,
) -> None:
    """Every action of the window with its title and shortcut."""
    if markdown:
        print_line(shortcut_page.page().rstrip("\n"))
        return
    if json:
        print_json(
            [
                {
                    "id": spec.id,
                    "title": spec.plain_title,
                    "shortcut": spec.shortcut,
                    "shortcuts": list(spec.shortcuts),
                }
                for spec in ACTIONS
            ]
        )
        return
    print_table(
        ["action", "title", "shortcut"],
        [[spec.id, spec.plain_title, ", ".join(spec.shortcuts)] for spec in ACTIONS],
    )
