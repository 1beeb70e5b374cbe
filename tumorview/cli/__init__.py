"""The command line: thin typer commands over ``app``. Importing this package loads none of them."""

COMMANDS = frozenset((
    "info", "convert", "segment", "evaluate", "evaluate-model", "train", "train-prepare", "train-estimate", "models",
    "actions", "bench", "demo",
))  # fmt: skip
