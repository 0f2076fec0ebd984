"""What the tests of the screens share: a recorded run, a session that replays it, and pictures."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.looks import events_of, looks_at_a_deadlock
from helpers.recordings import Clock, recorded, replay_of
from helpers.story import process_sample
from mpviz.scenarios.catalogue import Parameter, Scenario
from mpviz.trace.explain.follow import follow
from mpviz.trace.launch.start import Target
from mpviz.trace.model.events import Event, Marked, Sample
from mpviz.trace.model.state import RunState
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp

HERE = Path(__file__).parent
PICTURES = HERE / "snapshots"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine, which pytest does not do by itself."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


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
        self.lingers = False
        """Whether something of the program is left although it has told all."""
        self._all = list(events)
        self._events = list(events)
        self._folded: list[Event] = []

    @property
    def over(self) -> bool:
        return not self._events and not self.lingers

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
        recorded(path.parent, self._folded, path.name)

    def freeze(self) -> None:
        self._mark("freeze")

    def thaw(self) -> None:
        self._mark("go on")

    def terminate(self) -> None:
        self._mark("terminate")

    def stop(self) -> None:
        self._mark("stop")

    def look(self, key: str) -> None:
        self.asked.append(("look", key))

    def signal(self, key: str, number: int) -> bool:
        self.asked.append((key, number))
        return True

    def write_stdin(self, text: str) -> bool:
        self.asked.append(text)
        return True

    def interrupt(self) -> None:
        self.asked.append("interrupt")

    def again(self) -> None:
        """Run once more from the start when it is stepped."""
        self.state, self._events = RunState(), list(self._all)
        self.held = 0

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
    return _app(monkeypatch, target, lambda target: session)


@pytest.fixture
def attached_app(monkeypatch: pytest.MonkeyPatch) -> MpvizApp:
    """An app that shows two looks at a program in which two processes wait for each other.

    With each sample after them, it asks what is wrong.
    """
    seen = [process_sample(pid, parent=10 if pid > 10 else 1) for pid in (10, 11, 12)]
    samples = [
        Sample(time=time, pid=0, cores=[12.0, 3.0], processes=seen)
        for time in range(15_000_000_000, 16_500_000_000, 250_000_000)
    ]
    session = FakeSession([*events_of(*looks_at_a_deadlock()), *samples])
    session.lingers = True
    job = Target(arguments=["job.py"], name="job.py")
    return _app(monkeypatch, job, lambda target: session, attached=True)


@pytest.fixture
def replay(tmp_path: Path, stream: list[Event], clock: Clock) -> Iterator[Replay]:
    """The recorded run, at its beginning."""
    replay = replay_of(recorded(tmp_path, stream), clock)
    yield replay
    replay.close()


@pytest.fixture
def replay_app(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> MpvizApp:
    """An app that shows the recorded run as a replay, and starts nothing."""
    return _app(monkeypatch, None, None, replay)


@pytest.fixture
def picker_app(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> MpvizApp:
    """An app that shows three scenarios, and runs the recording whatever is chosen."""
    found = {each.name: each for each in SCENARIOS}
    monkeypatch.setattr("mpviz.tui.screens.picker.scenarios", lambda: found)
    monkeypatch.setattr("mpviz.tui.screens.picker.problems", lambda: ())
    return _app(monkeypatch, None, lambda target: session)


def _app(
    monkeypatch: pytest.MonkeyPatch,
    target: Target | None,
    start: Callable[[Target], FakeSession] | None,
    replay: Replay | None = None,
    *,
    attached: bool = False,
) -> MpvizApp:
    for name in ("NO_COLOR", "SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    app = MpvizApp(target, start=start, fps=10, replay=replay, attached=attached)  # type: ignore[arg-type]
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
