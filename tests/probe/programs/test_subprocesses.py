"""What is below a program and is no ``Process`` of multiprocessing: shown as what it is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.runs import run_to_end, wait_until
from mpviz.trace.collect.sampler import Sampler
from mpviz.trace.explain.report import document, summary
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.events import Sample
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.render.states import in_words

Begin = Callable[..., Session]

pytestmark = pytest.mark.usefixtures("nothing_left")

PRELUDE = "import multiprocessing as mp, os, subprocess, sys, time\n"


@pytest.fixture
def begin(tmp_path: Path, nothing_left: None) -> Iterator[Begin]:
    """Start a program under quick samples; it is ended with the test."""
    sessions: list[Session] = []
    (tmp_path / "told.py").write_text("import time; time.sleep(600)")

    def start_program(code: str, *flags: str, python: str = sys.executable) -> Session:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + code)
        arguments = [*flags, str(program), python]
        target = Target(
            arguments, name="program", directory=tmp_path, python=python, start_method="fork"
        )
        sessions.append(start(target, capture=True, rate=50))
        return sessions[-1]

    yield start_program
    for session in sessions:
        session.close()


def test_a_program_that_is_over_at_the_first_look_has_its_name(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, look = threading.Lock(), Sampler._sample

    def look_when_allowed(self: Sampler) -> Sample:
        with looking:
            return look(self)

    monkeypatch.setattr(Sampler, "_sample", look_when_allowed)
    session = begin("""
while not os.path.exists("go"): time.sleep(0.001)
os.posix_spawn("/bin/true", ["true"], {})
time.sleep(600)
""")
    run_to_end(session, lambda state: bool(state.main))
    program = psutil.Process(session.state.processes[session.state.main].pid)
    with looking:
        (tmp_path / "go").touch()
        wait_until(lambda: [each.status() for each in program.children()] == ["zombie"])
    run_to_end(session, lambda state: any(each.zombie for each in state.processes.values()))
    (zombie,) = [each for each in session.state.processes.values() if each.zombie]
    assert (zombie.name, zombie.role) == ("true", "program")


def names(state: RunState) -> set[str]:
    return {process.name for process in state.processes.values() if process.alive}


def named(state: RunState, name: str) -> Process:
    """The living process of this name."""
    (found,) = [each for each in state.processes.values() if each.alive and each.name == name]
    return found


def entry(state: RunState, name: str) -> dict[str, Any]:
    (found,) = [each for each in document(state)["processes"] if each["name"] == name]
    return dict(found)


def log(state: RunState) -> list[str]:
    return [line.text for line in state.log]


def test_programs_that_are_no_python_bear_their_own_names(begin: Begin) -> None:
    session = begin("""
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sh", "-c", "cat; true"], stdin=subprocess.PIPE)
time.sleep(600)
""")
    run_to_end(session, lambda state: {"sleep", "sh", "cat"} <= names(state))
    state = session.state
    assert names(state) == {"MainProcess", "sleep", "sh", "cat"}
    assert named(state, "cat").parent == named(state, "sh").key
    assert named(state, "sh").parent == state.main
    found = entry(state, "sh")
    assert (found["role"], found["observed"]) == ("program", False)
    assert found["command"] == "sh -c 'cat; true'"
    assert in_words(state, named(state, "sleep"))[0] in ("running", "sleeping")


def test_a_python_started_by_subprocess_bears_the_name_of_what_it_runs(
    begin: Begin, python: str
) -> None:
    session = begin(
        """
for words in (["told.py", "word"], ["-u", "-m", "told"], ["-c", "import told"]):
    subprocess.Popen([sys.argv[1], *words])
time.sleep(600)
""",
        python=python,
    )
    name = Path(python).name
    expected = {"MainProcess", "told.py", f"{name} -m told", f"{name} -c"}
    run_to_end(
        session,
        lambda state: (
            names(state) == expected
            and all(process.probed and process.status for process in state.processes.values())
        ),
    )
    assert {process.parent for process in session.state.processes.values()} == {
        "",
        session.state.main,
    }
    assert entry(session.state, "told.py")["observed"] is True


@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("if os.fork() == 0: os.execvp('sleep', ['sleep', '600'])", "fork of MainProcess"),
        (
            "if __name__ == '__main__':\n"
            "    mp.Process(target=os.execvp, args=('sleep', ['sleep', '600'])).start()",
            "Process-1",
        ),
    ],
    ids=["forked by hand", "a Process"],
)
def test_a_child_that_becomes_another_program_is_that_program(
    begin: Begin, python: str, code: str, before: str
) -> None:
    session = begin(f"{code}\ntime.sleep(600)", python=python)
    run_to_end(session, lambda state: "sleep" in names(state) and named(state, "sleep").records)
    state = session.state
    assert names(state) == {"MainProcess", "sleep"}
    # A sample may have seen the exec before the fork was told, or before the child had its name.
    taken = {line for line in log(state) if "has taken the place" in line}
    names_before = {before, "fork of MainProcess"}
    assert taken <= {f"has taken the place of {name} (exec)" for name in names_before}
    assert entry(state, "sleep")["observed"] is False
    assert named(state, "sleep").wait is None


def test_a_program_that_becomes_another_is_that_one(begin: Begin) -> None:
    session = begin("os.execvp('sleep', ['sleep', '600'])")
    run_to_end(session, lambda state: names(state) == {"sleep"})
    assert entry(session.state, "sleep")["role"] == "main"


def test_a_program_that_starts_itself_anew_is_observed_on(begin: Begin, python: str) -> None:
    session = begin(
        """
lock = mp.Lock()
if len(sys.argv) < 4:
    lock.acquire()
    os.execv(sys.executable, [sys.executable, *sys.argv, str(len(sys.argv))])
with lock:
    print("twice", flush=True)
""",
        python=python,
    )
    run_to_end(session)
    state = session.state
    assert [line.text for line in state.output] == ["twice"]
    assert [(each.name, each.exit_code) for each in state.processes.values()] == [
        ("MainProcess", 0)
    ]
    assert len(document(state)["locks"]) == 3
    assert (state.lost, state.probe_errors, state.unreadable) == (0, 0, 0)


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_a_python_that_takes_no_probe_along_is_said_to_be_one(begin: Begin, flag: str) -> None:
    session = begin(
        """
subprocess.Popen([sys.executable, "FLAG", "told.py"])
time.sleep(600)
""".replace("FLAG", flag)
    )
    run_to_end(
        session,
        lambda state: "told.py" in names(state) and named(state, "told.py").state == "sleeping",
    )
    words = in_words(session.state, named(session.state, "told.py"))
    assert words == [f"sleeping, python {flag}, not observed", "sleeping, not observed", "sleeping"]
    assert entry(session.state, "told.py")["observed"] is False
    (line,) = [line for line in log(session.state) if "without a probe" in line]
    assert line.startswith(f"is a python {flag}, without a probe: its processes, CPU and memory")


def test_a_python_whose_environment_was_cleared_is_said_to_tell_nothing(
    begin: Begin, python: str
) -> None:
    session = begin(
        """
subprocess.Popen([sys.argv[1], "told.py"], env={})
os.environ.clear()
subprocess.Popen([sys.argv[1], "-c", "import told"])
time.sleep(600)
""",
        python=python,
    )
    name = f"{Path(python).name} -c"
    run_to_end(
        session,
        lambda state: (
            {name, "told.py"} <= names(state)
            and named(state, name).unobserved
            and named(state, "told.py").unobserved
            and named(state, "told.py").state == "sleeping"
        ),
    )
    assert "sleeping, not observed" in in_words(session.state, named(session.state, "told.py"))
    told = [
        line.process
        for line in session.state.log
        if line.text.startswith("has told nothing of itself")
    ]
    # Once of each; on a busy machine a look can also meet one between its fork and its exec.
    for each in (name, "told.py"):
        assert told.count(named(session.state, each).key) == 1


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_the_report_of_a_program_without_a_probe_says_what_it_lacks(
    begin: Begin, flag: str
) -> None:
    session = begin("", flag)
    run_to_end(session)
    sentence = f"mpviz: python {flag} takes no probe along: its processes, CPU and memory are shown"
    assert summary(session.state).splitlines()[1].startswith(sentence)
    assert document(session.state)["run"]["exit_code"] == 0


SHORT = """
subprocess.run(["sh", "-c", "exit 3"])
subprocess.run([sys.argv[1], "-c", "raise SystemExit(4)"], preexec_fn=os.getpid)
try:
    subprocess.run(["sleep", "600"], timeout=0.01)
except subprocess.TimeoutExpired:
    print("too long")
print(subprocess.check_output("echo hello", shell=True, text=True).strip(), flush=True)
try:
    subprocess.run(["no-such-program"])
except FileNotFoundError as error:
    print(error.filename)
"""


def test_a_program_started_by_subprocess_is_shown_however_short_its_life(
    begin: Begin, python: str
) -> None:
    session = begin(SHORT, python=python)
    run_to_end(session)
    state = session.state
    assert [line.text for line in state.output] == ["too long", "hello", "no-such-program"]
    found = [
        (process["name"], process["role"], process["exit_code"], process["parent_pid"])
        for process in document(state)["processes"][1:]
    ]
    main = state.processes[state.main].pid
    # A sample may have seen them in another order than they were told.
    assert sorted(found) == sorted(
        [
            ("sh", "program", 3, main),
            (f"{Path(python).name} -c", "program", 4, main),
            ("sleep", "program", -9, main),
            ("sh", "program", 0, main),
            ("no-such-program", "program", 255, main),
        ]
    )
    assert (state.lost, state.probe_errors, state.unreadable) == (0, 0, 0)
