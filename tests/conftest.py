"""What every test gets: no display, no trace of the user's settings, no leaked thread or window."""

import itertools
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before anything imports Qt, numpy or torch.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

import pytest
from hypothesis import HealthCheck, settings

from tumorview.resources import resource_path

ROOT = Path(__file__).resolve().parents[1]
THREAD_GRACE_SECONDS = 3.0

settings.register_profile("default", deadline=None, max_examples=60)
settings.register_profile(
    "ci",
    parent=settings.get_profile("default"),
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "default")


# ------------------------------------------------------------------------------------------------------------ isolation
_test_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of the session's own, so that nothing outside the XDG folders is read or written either."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="tumorview-run-") as runtime:
        patch.setenv("HOME", str(home))
        patch.setenv("USERPROFILE", str(home))
        patch.setenv("XDG_RUNTIME_DIR", runtime)  # a fresh temporary folder has the mode 0700 that Qt asks for
        patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
        yield home


@pytest.fixture(autouse=True)
def _settings_folders(_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configuration, data and state folders of the test's own (made when something is written there)."""
    folder = _home / "tests" / str(next(_test_numbers))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(folder / variable.lower()))


# ---------------------------------------------------------------------------------------------------------------- leaks
_origins: dict[int, str] = {}
_thread_start = threading.Thread.start


def _recording_start(thread: threading.Thread) -> None:
    """Start a thread and keep who started it, so that a leak can be named."""
    stack = [frame for frame in traceback.extract_stack()[:-1] if frame.filename != threading.__file__]
    own = [frame for frame in stack if str(ROOT) in frame.filename] or stack
    _origins[id(thread)] = f"{own[-1].filename}:{own[-1].lineno} in {own[-1].name}"
    _thread_start(thread)


threading.Thread.start = _recording_start  # type: ignore[method-assign]


def _python_threads() -> set[threading.Thread]:
    """Running threads that Python code started (foreign ones that once called into Python stay listed for ever)."""
    return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}


def _await_end(threads: set[threading.Thread]) -> list[threading.Thread]:
    """Those of ``threads`` that still run after a grace period; Qt's events go on meanwhile."""
    until = time.monotonic() + THREAD_GRACE_SECONDS
    alive = [thread for thread in threads if thread.is_alive()]
    while alive and time.monotonic() < until:
        _process_qt_events()
        alive[0].join(0.02)
        alive = [thread for thread in alive if thread.is_alive()]
    return alive


def _process_qt_events() -> None:
    widgets = sys.modules.get("PySide6.QtWidgets")
    application = widgets.QApplication.instance() if widgets else None
    if application is not None:
        application.processEvents()


def _open_windows() -> list[Any]:
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return []
    return [window for window in widgets.QApplication.topLevelWidgets() if window.isVisible()]


def _leaks_of_qt(windows_before: list[Any]) -> list[str]:
    """Windows left open and pool threads left running."""
    leaks = [
        f"window {type(window).__name__} {window.objectName()!r} left open"
        for window in _open_windows()
        if window not in windows_before
    ]
    core = sys.modules.get("PySide6.QtCore")
    if core and not core.QThreadPool.globalInstance().waitForDone(int(THREAD_GRACE_SECONDS * 1000)):
        leaks.append("Qt's global thread pool still works")
    return leaks


@pytest.fixture(autouse=True)
def _no_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread running or a window open."""
    threads, windows = _python_threads(), _open_windows()
    yield
    leaked = _await_end(_python_threads() - threads)
    complaints = [
        f"thread {thread.name!r} left running, started at {_origins.get(id(thread), 'an unknown place')}"
        for thread in leaked
    ] + _leaks_of_qt(windows)
    if complaints:
        pytest.fail("; ".join(complaints), pytrace=False)


# ----------------------------------------------------------------------------------------------------------------- data
@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of development data beside the checkout (or ``TUMORVIEW_SHARED_DATA``); skips where there is none."""
    folder = Path(os.environ.get("TUMORVIEW_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"development data not found at {folder}; set TUMORVIEW_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def sample_study_folder() -> Path:
    """The bundled patient, in the layout of the LGG collection."""
    return next(folder for folder in sorted(resource_path("sample").iterdir()) if folder.is_dir())
