"""The command line: thin typer commands over ``app``. Importing this package loads none of them."""

COMMANDS = frozenset(
    ("info", "convert", "segment", "evaluate", "evaluate-model", "train", "models", "actions", "bench", "demo")
)
