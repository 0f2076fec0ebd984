"""What the tests share: interpreters, observed programs, and the proof that nothing is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from helpers.examples import ALL, PLAIN
from helpers.recordings import Clock
from helpers.runs import (
    Observed,
    RunProgram,
    RunTogether,
    begin,
    leaving_nothing,
    observe,
    run_to_end,
    step_together,
)
from mpviz.trace.collect.decode import decode
from mpviz.trace.collect.transport import Transport
from mpviz.trace.launch.session import Session
from mpviz.trace.model import own_errors
from mpviz.trace.model.events import Event
from mpviz.trace.model.state import RunState
from mpviz.trace.system.allowance import allowed_cores, granted_cores

RECORDED = Path(__file__).parent / "tui"
"""Where a program that was recorded lies, and its events."""

THOROUGH = pytest.mark.thorough
"""What only ``--all`` runs."""

START_METHODS = ("fork", "spawn", "forkserver")
OLD_VERSIONS = ((2, 7), (3, 6), (3, 7))
"""In these a program runs as ever, and no more."""
VERSIONS = ((3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14), (3, 15))

NEWER_PYTHONS = Path(__file__).parents[2] / "shared/tools/newer-pythons"
"""A command beside the project that installs the newest Pythons and prints their paths.

It takes a third of a second if they are installed, else 20 seconds and the network. Without such a
command, the tests use the other Pythons that they find.
"""

settings.register_profile(
    "mpviz",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=ALL,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""For all tests. How long an example takes depends mostly on what else the machine does."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--all`` and ``--update-snapshots``."""
    parser.addoption("--all", action="store_true", help="every Python, and the thorough tests")
    parser.addoption("--update-snapshots", action="store_true", help="replace the kept pictures")


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many at a time as there are cores, up to four: most tests start several processes."""
    granted = granted_cores(os.getpid()) or len(allowed_cores([os.getpid()]))
    return max(1, min(4, int(granted)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--all``, keep the tests of the newest Python, and no thorough ones."""
    if config.getoption("--all"):
        return
    thorough = [item for item in items if item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=thorough)
    items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def pytest_configure(config: pytest.Config) -> None:
    """Take Ctrl-C and SIGHUP again, and keep compiled modules, and so let children.

    In the background of a shell, or below nohup, these signals are ignored. Without ``--all``,
    Hypothesis tries fewer examples.
    """
    profile = settings.get_profile("mpviz")
    settings.register_profile("plain", profile, max_examples=PLAIN)
    settings.load_profile("mpviz" if config.getoption("--all") else "plain")
    # Else each of some thousand processes would compile mpviz, and each worker all tests.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


REPORT_OWN_ERROR = own_errors.report


@pytest.fixture(scope="session", autouse=True)
def loud_errors() -> Iterator[None]:
    """Raise errors of ours, which a run would only report."""

    def raise_it(state: RunState, what: str, error: Exception) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_errors, "report", raise_it)
        yield


@pytest.fixture
def quiet_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report errors of ours, as in a run, instead of raising them."""
    monkeypatch.setattr(own_errors, "report", REPORT_OWN_ERROR)


@dataclass(frozen=True)
class Interpreter:
    """A CPython that was found on this machine and really runs."""

    path: str
    version: tuple[int, int]

    @property
    def name(self) -> str:
        """As in ``python3.12``."""
        return "python{}.{}".format(*self.version)


def find_interpreters(
    versions: tuple[tuple[int, int], ...] = VERSIONS,
) -> list[Interpreter]:
    """One CPython for each of these versions, as far as there is one."""
    asking = (
        "import platform, sys;"
        "print('%s %d %d' % ((platform.python_implementation(),) + sys.version_info[:2]))"
    )
    asked = [
        (
            path,
            subprocess.Popen(
                [path, "-E", "-S", "-c", asking],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ),
        )
        for path in _candidates(versions)
    ]
    found: dict[tuple[int, int], Interpreter] = {}
    for path, process in asked:
        words = process.communicate()[0].split()
        if process.returncode == 0 and words[:1] == ["CPython"]:
            version = (int(words[1]), int(words[2]))
            if version in versions:
                found.setdefault(version, Interpreter(path, version))
    return [found[version] for version in sorted(found)]


def _candidates(versions: tuple[tuple[int, int], ...]) -> list[str]:
    home = Path.home()
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    on_path = [shutil.which(f"python{major}.{minor}") for major, minor in versions]
    elsewhere = [*(home / ".pyenv/versions").glob("*/bin/python"), *uv.glob("*/bin/python3")]
    return [sys.executable, *filter(None, on_path), *map(str, sorted(elsewhere)), *_newer()]


@cache
def _newer() -> list[str]:
    """The paths that NEWER_PYTHONS prints; none if it is missing or cannot install them."""
    if not NEWER_PYTHONS.is_file():
        return []
    printed = subprocess.run(
        [NEWER_PYTHONS], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    return printed.stdout.split() if printed.returncode == 0 else []


_FOUND = find_interpreters()
_OLDEST, _NEWEST = _FOUND[0], _FOUND[-1]


def pytest_report_header(config: pytest.Config) -> str:
    """Say which Pythons the probe is tested on: with fewer there are fewer tests."""
    if config.getoption("--all"):
        return f"under the probe: {', '.join(found.name for found in _FOUND)}"
    return f"under the probe: {_NEWEST.name}; with --all every Python, and the thorough tests"


@pytest.fixture(
    scope="session",
    params=[pytest.param(found, marks=THOROUGH) for found in _FOUND[:-1]] + [_NEWEST],
    ids=lambda found: found.name,
)
def python(request: pytest.FixtureRequest) -> str:
    """The path of each interpreter in turn."""
    path: str = request.param.path
    return path


@pytest.fixture(
    scope="session",
    params=[pytest.param(found, marks=THOROUGH) for found in find_interpreters(OLD_VERSIONS)],
    ids=lambda found: found.name,
)
def old_python(request: pytest.FixtureRequest) -> str:
    """The path of each interpreter in turn that is too old to be observed."""
    path: str = request.param.path
    return path


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(found, marks=[] if found is _NEWEST else THOROUGH)
        for found in _FOUND
        if found.version >= (3, 14)
    ],
    ids=lambda found: found.name,
)
def enterable_python(request: pytest.FixtureRequest) -> str:
    """The path of each interpreter in turn that a program's probe can be brought into."""
    path: str = request.param.path
    return path


@pytest.fixture(scope="session", params=START_METHODS)
def start_method(request: pytest.FixtureRequest) -> str:
    """Each start method in turn."""
    method: str = request.param
    return method


@pytest.fixture(
    scope="session",
    params=["fork", *(pytest.param(name, marks=THOROUGH) for name in ("spawn", "forkserver"))],
)
def fork_at_least(request: pytest.FixtureRequest) -> str:
    """Fork, and with ``--all`` the other start methods, for what should be alike under all."""
    method: str = request.param
    return method


@pytest.fixture(
    scope="session",
    params=[
        pytest.param((sys.executable, "fork"), id="fork"),
        pytest.param((sys.executable, "spawn"), id="spawn", marks=THOROUGH),
        pytest.param((sys.executable, "forkserver"), id="forkserver", marks=THOROUGH),
        pytest.param((_OLDEST.path, "fork"), id=f"{_OLDEST.name}-fork", marks=THOROUGH),
        pytest.param((_NEWEST.path, "forkserver"), id=f"{_NEWEST.name}-forkserver"),
    ],
)
def python_and_method(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Interpreter and start method, for what takes too long for all pairs of them."""
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def queue(nothing_left: None) -> Iterator[Transport]:
    """A transport that leaves nothing when it is closed."""
    queue = Transport()
    yield queue
    assert queue.close() == ""
    assert not queue.directory.exists()


@pytest.fixture
def clock() -> Clock:
    """A clock that a test sets."""
    return Clock()


@pytest.fixture(scope="session")
def stream() -> list[Event]:
    """The events of a recorded run of ``counting.py``."""
    text = (RECORDED / "stream.jsonl").read_bytes()
    return decode(text.replace(b"@HERE@", str(RECORDED).encode()))


@pytest.fixture(scope="session")
def run_program(tmp_path_factory: pytest.TempPathFactory) -> RunProgram:
    """Run a program under mpviz to its end; it fails the test if anything is left then."""

    def run(
        source: str,
        *arguments: str,
        python: str = sys.executable,
        start_method: str | None = None,
        exit_code: int | None = 0,
    ) -> Observed:
        folder = tmp_path_factory.mktemp("p")
        with leaving_nothing(folder / "t"):
            session = begin(folder, source, arguments, python, start_method)
            try:
                run_to_end(session)
            finally:
                session.close()
        observed = observe(folder, session)
        assert observed.exit_code == exit_code, observed.stderr
        return observed

    return run


@dataclass
class Watched:
    """A program that a test steps by itself."""

    session: Session
    folder: Path

    def end(self) -> Observed:
        """End it, if it still runs, and give what was observed."""
        self.session.close()
        return observe(self.folder, self.session)


Watch = Callable[..., Watched]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Start a program that the test steps by itself; it fails the test if anything is left."""
    begun: list[Session] = []

    def start_one(
        source: str, *arguments: str, python: str = sys.executable, start_method: str | None = None
    ) -> Watched:
        begun.append(begin(tmp_path, source, arguments, python, start_method))
        return Watched(begun[-1], tmp_path)

    with leaving_nothing(tmp_path / "t"):
        try:
            yield start_one
        finally:
            for session in begun:
                session.close()


@pytest.fixture(scope="session")
def run_on_each_python(run_program: RunProgram, python: str) -> RunProgram:
    """Run a program on each Python in turn."""
    return partial(run_program, python=python)


@pytest.fixture(scope="session")
def run_everywhere(run_program: RunProgram, python: str, start_method: str) -> RunProgram:
    """Run a program on each Python in turn, by each start method in turn."""
    return partial(run_program, python=python, start_method=start_method)


@pytest.fixture(scope="session")
def run_together(tmp_path_factory: pytest.TempPathFactory) -> RunTogether:
    """Run programs at the same time, each to its end, or until something is true of its state.

    Then it is stopped by hand. They are given by their names, in the order (source, condition).
    """

    def run(
        programs: dict[str, tuple[str, Callable[[RunState], bool]]],
        python: str = sys.executable,
        start_method: str | None = None,
    ) -> dict[str, Observed]:
        folders = {name: tmp_path_factory.mktemp("p") for name in programs}
        sessions: dict[str, Session] = {}
        with leaving_nothing(tmp_path_factory.mktemp("t")):
            try:
                for name, (source, _) in programs.items():
                    sessions[name] = begin(folders[name], source, (), python, start_method)
                step_together([(sessions[name], until) for name, (_, until) in programs.items()])
            finally:
                for session in sessions.values():
                    session.close()
        return {name: observe(folders[name], session) for name, session in sessions.items()}

    return run


@pytest.fixture
def nothing_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the test if it leaves a process alive or a file in the folder for temporary files."""
    with leaving_nothing(tmp_path_factory.mktemp("t")):
        yield
