"""``models.json`` on disk: read anew by every question, changed by one process at a time."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tumorview.errors import ModelError
from tumorview.io.atomic import atomic_write_bytes, write_error
from tumorview.ml.model_state import STATE_NAME, ModelState

if TYPE_CHECKING:
    from filelock import FileLock

LOCK_NAME: Final = ".models.lock"
WAIT_SECONDS: Final = 30.0  # copying weights to a slow disk


class ModelStateFile:
    """The state in the folder of the user's models; None for a registry that has none."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._lock: FileLock | None = None

    def read(self) -> ModelState:
        """As it is on disk now; never fails."""
        return ModelState.read(self._root)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other process changes the models meanwhile; may be nested. ModelError where another one takes too long."""
        from filelock import FileLock, Timeout  # loaded when something is changed, not with the window

        root = self._made()
        self._lock = self._lock or FileLock(root / LOCK_NAME)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._lock.acquire(timeout=WAIT_SECONDS))
            except Timeout as error:
                raise ModelError(
                    "Another TumorView is changing the models of this computer.", "Wait a moment, then try again."
                ) from error
            except NotImplementedError:  # a disk without locks: as good as it gets there
                pass
            except OSError as error:
                raise write_error(root / LOCK_NAME, error) from error
            yield

    def write(self, state: ModelState) -> None:
        """Keep the state; a damaged file is put aside, never overwritten. WriteError where that fails."""
        path = self._made() / STATE_NAME
        try:
            if state.problem:
                path.replace(path.with_suffix(".damaged.json"))
        except OSError as error:
            raise write_error(path, error) from error
        atomic_write_bytes(path, replace(state, problem="").to_json().encode())

    def _made(self) -> Path:
        """The folder, which is there after this."""
        if self._root is None:
            raise ModelError("This session keeps no user models.", "Start TumorView with a settings folder.")
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self._root, error) from error
        return self._root
