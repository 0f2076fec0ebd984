"""What the tests of the screens share: a recorded run, a session that replays it, and pictures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mpviz.scenarios.catalogue import Parameter, Scenario
from mpviz.trace.explain.follow import follow
from mpviz.trace.launch.start import Target
from mpviz.trace.model.events import Event, Marked
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recorder import Recorder
from mpviz.tui.app import MpvizApp

HERE = Path(__file__).parent
PICTURES = HERE / "snapshots"

Script = Callable[[Pilot[int]], Awaitable[None]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-snapshots`` takes the pictures of now for the right ones."""
    parser.addoption("--update-snapshots", action="store_true", help="replace the kept pictures")


class FakeSession:
    """A session whose program is a recording; it notes what it was asked to do."""

    def __init__(self, events: list[Event]) -> None:
        self.state = RunState()
        self.asked: list[object] = []
        self.closed = 0
        self.file: Path | None = None
        self.record_problem = ""
        self.held = 0
        """How many events are held back: the run is not over until they are let go."""
        self._events = list(events)
        self._folded: list[Event] = []

    @property
    def over(self) -> bool:
        return not self._events

    @property
    def behind(self) -> int:
        return 0

    def step(self, budget: float) -> bool:
        batch = self._events[: max(0, len(self._events) - self.held)]
        self._events = self._events[len(batch) :]
        follow(self.state, batch)
        self._folded += batch
        return bool(batch)

    @property
    def recorded(self) -> Path | None:
        return self.file

    def record(self, path: Path) -> None:
        if self.record_problem:
            raise OSError(0, self.record_problem)
        self.file = path

    def copy_recording(self, path: Path) -> None:
        if self.record_problem:
            raise OSError(0, self.record_problem)
        recorder = Recorder(path, "0.1.0")
        recorder.add(self._folded)
        recorder.close()

    def freeze(self) -> None:
        self._mark("freeze")

    def thaw(self) -> None:
        self._mark("go on")

    def terminate(self) -> None:
        self._mark("terminate")

    def stop(self) -> None:
        self._mark("stop")

    def signal(self, key: str, number: int) -> bool:
        self.asked.append((key, number))
        return True

    def write_stdin(self, text: str) -> bool:
        self.asked.append(text)
        return True

    def interrupt(self) -> None:
        self.asked.append("interrupt")

    def close(self) -> None:
        self.closed += 1
        self.held = 0
        self.step(0)

    def _mark(self, action: str) -> None:
        self.asked.append(action)
        self.state.frozen = action == "freeze"
        action = "stop" if action == "terminate" else action
        follow(self.state, [Marked(time=self.state.now, pid=0, action=action)])


@pytest.fixture
def session(stream: list[Event]) -> FakeSession:
    """A session that is at the middle of the recorded run."""
    fake = FakeSession(stream)
    fake.held = len(stream) // 2
    return fake


@pytest.fixture
def target() -> Target:
    """What was recorded."""
    return Target(arguments=["counting.py"], name="counting.py")


@pytest.fixture
def run_app(session: FakeSession, target: Target, monkeypatch: pytest.MonkeyPatch) -> MpvizApp:
    """An app that shows the recorded run."""
    return _app(monkeypatch, session, target)


@pytest.fixture
def picker_app(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> MpvizApp:
    """An app that shows three scenarios, and runs the recording whatever is chosen."""
    found = {each.name: each for each in SCENARIOS}
    monkeypatch.setattr("mpviz.tui.screens.picker.scenarios", lambda: found)
    monkeypatch.setattr("mpviz.tui.screens.picker.problems", lambda: ())
    return _app(monkeypatch, session, None)


def _app(monkeypatch: pytest.MonkeyPatch, session: FakeSession, target: Target | None) -> MpvizApp:
    for name in ("NO_COLOR", "SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    app = MpvizApp(target, start=lambda target: session, fps=10)
    app.theme = "mpviz-dark"
    app.ascii_only = False
    return app


def _scenario(
    name: str, chapter: str, title: str, sentence: str, *parameters: Parameter
) -> Scenario:
    doc = f"{title}.\n\n{sentence}\n\nOne process holds the lock, and the others wait for it."
    return Scenario(
        name, chapter, 1, title, sentence, doc, "counting", HERE / "counting.py", parameters
    )


SCENARIOS = (
    _scenario(
        "pool-map",
        "pools",
        "Pool.map: a pool of workers shares out a list",
        "Watch the workers drift apart.",
        Parameter("workers", int, 4, "worker processes in the pool", 1, 64),
    ),
    _scenario(
        "counting",
        "sharing",
        "Counting together: three processes add to one number",
        "Watch the lock go round.",
        Parameter("processes", int, 3, "processes that add", 1, 64),
        Parameter("times", int, 12, "times that each process adds one", 0, 1_000_000),
        Parameter("lock", bool, True, "hold a lock for every addition", None, None, ("yes", "no")),
        Parameter("pace", float, 2.5, "additions a second", 0, 1_000),
    ),
    _scenario(
        "dining",
        "sharing",
        "Dining philosophers: each needs two forks",
        "Watch everybody wait for everybody.",
    ),
)


@pytest.fixture
def scenario_list() -> tuple[Scenario, ...]:
    """The three scenarios."""
    return SCENARIOS


@pytest.fixture
def drive() -> Callable[..., None]:
    """Run an app without a terminal, and a script of keys and looks against it."""

    def run(app: MpvizApp, script: Script, size: tuple[int, int] = (120, 40)) -> None:
        async def main() -> None:
            async with app.run_test(size=size, notifications=True) as pilot:
                await pilot.pause()
                await pilot.pause()
                await script(pilot)

        asyncio.run(main())

    return run


@pytest.fixture
def same_picture(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a picture with the one that is kept under a name."""

    def compare(name: str, svg: str) -> None:
        # Rich names its classes after a checksum of everything.
        svg = re.sub(r"terminal-\d+", "terminal", svg)
        file = PICTURES / f"{name}.svg"
        if request.config.getoption("--update-snapshots"):
            PICTURES.mkdir(exist_ok=True)
            file.write_text(svg, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != svg:
            now = file.with_suffix(".now.svg")
            now.write_text(svg, encoding="utf-8")
            pytest.fail(f"{now} is not what {file.name} was; right? then --update-snapshots")

    return compare
