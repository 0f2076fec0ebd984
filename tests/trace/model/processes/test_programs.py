"""What a process runs, by what samples and the probe say of it, in whatever order that comes."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from helpers import story
from helpers.story import MAIN, SUPERVISOR, VIEWER, process_sample
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import (
    Event,
    ProgramEnded,
    ProgramStarted,
    RunStarted,
    Sample,
    SupervisorSignalled,
)
from mpviz.trace.model.primitives.process import Began, Hello, Joined, Launched, Started
from mpviz.trace.model.processes.commands import keeps_probe_out, name_of_program, program_of

CHILD = 1001
PYTHON = "python3.12"


class Story(story.Story):
    """What is told of a program and its child, at times in seconds."""

    def __init__(self, command: str = "python3 story.py", is_started: bool = True) -> None:
        super().__init__(start=0, begun=False)
        run = {"target": "story", "python": "", "start_method": "", "cores": 1, "version": ""}
        self.say(0, VIEWER, RunStarted, arguments=shlex.split(command), **run)
        if is_started:
            self.say(0, SUPERVISOR, ProgramStarted, child=MAIN, started=MAIN)

    def say(self, seconds: float, pid: int, kind: type[Event], /, **fields: Any) -> None:
        self.tell(1000 * seconds, pid, kind, **fields)

    def hello(self, seconds: float, pid: int = MAIN, number: int = 1, **fields: Any) -> None:
        told = {"role": "main", "parent": SUPERVISOR if pid == MAIN else MAIN, "started": pid}
        if not fields.get("forked"):
            told |= {"command": "python3 story.py", "executable": PYTHON, "python": "3.12.1"}
        self.say(seconds, pid, Hello, number=number, **{**told, **fields})

    def look(
        self, seconds: float, pid: int, command: str = "", executable: str = "", **fields: Any
    ) -> None:
        fields.setdefault("parent", SUPERVISOR if pid == MAIN else MAIN)
        path = executable and f"/usr/bin/{executable}"
        seen = process_sample(pid, command=command, executable=path, **fields)
        self.say(seconds, VIEWER, Sample, cores=[], processes=[seen])

    def start_child(self, seconds: float) -> None:
        fields = {"name": "Process-1", "daemon": False, "method": "fork", "function": "work"}
        self.say(seconds, MAIN, Started, child=CHILD, started=CHILD, **fields)

    def fork(self, seconds: float) -> None:
        self.hello(seconds, CHILD, role="process", forked=True)


@pytest.mark.parametrize(
    ("command", "program", "name", "option"),
    [
        ("", "", "", ""),
        ("/usr/bin/git status -s", "git", "git", ""),
        ("'/opt/My Tools/build' all", "build", "build", ""),
        ("sh -I -c 'python -I'", "sh", "sh", ""),
        ("/x/python3 /x/bin/black -S src", "python3", "black", ""),
        ("python3 -W error -X dev -u tool.py -I", "python3", "tool.py", ""),
        ("python3 -W error -X dev -Iu tool.py", "python3", "tool.py", "-I"),
        ("python -Wignore::I -bb -E -m pip list", "python", "python -m pip", "-E"),
        ("python -mpip -I", "python", "python -m pip", ""),
        ("python -Sc 'import this' -I", "python", "python -c", "-S"),
        ("python --check-hash-based-pycs always folder/", "python", "folder", ""),
        ("python - -I", "python", "python", ""),
        ("python -- -S.py", "python", "-S.py", ""),
        ("pypy3.10 x.py", "pypy3.10", "x.py", ""),
        ("python 'cut off in the mid", "python", "'cut", ""),
    ],
)
def test_a_command_line_is_read_as_python_would(
    command: str, program: str, name: str, option: str
) -> None:
    assert program_of(command) == program
    assert (name_of_program(command), keeps_probe_out(command)) == (name, option)


@pytest.mark.parametrize(
    "order",
    [
        "fork sample",
        "sample fork",
        "start fork began sample",
        "start fork sample began",
        "start sample fork began",
        "sample start fork began",
        "fork sample start began",
    ],
)
def test_a_child_that_execs_is_the_other_program_in_whatever_order_it_is_told(order: str) -> None:
    story = Story()
    story.hello(0.1)
    steps = {
        "fork": lambda: story.fork(1),
        "start": lambda: story.start_child(1),
        "began": lambda: story.say(1, CHILD, Began, name="Process-1", daemon=False, parent=MAIN),
        "sample": lambda: story.look(1.1, CHILD, "git status", "git"),
    }
    for step in order.split():
        steps[step]()
    story.look(1.2, CHILD)
    child = story.process(CHILD)
    assert (child.name, child.role, child.probed) == ("git", "program", False)
    assert child.start_method == ("fork" if "start" in order else "")


def test_a_child_that_gives_itself_another_title_is_still_observed() -> None:
    story = Story()
    story.hello(0.1)
    story.fork(1)
    story.look(1.1, CHILD, "worker: idle", PYTHON)
    assert (story.process(CHILD).name, story.process(CHILD).probed) == ("fork of MainProcess", True)


def test_a_title_is_the_name_of_a_process_that_had_none_of_its_own() -> None:
    story = Story()
    story.hello(0.1)
    story.fork(1)
    story.look(1.1, CHILD, "python3 story.py", PYTHON, title="shop: worker 1")
    child = story.process(CHILD)
    assert (child.name, child.title, child.command) == (
        "shop: worker 1",
        "shop: worker 1",
        "python3 story.py",
    )
    story.look(2.1, CHILD, title="shop: worker 1 (busy)")
    assert child.name == "shop: worker 1 (busy)"
    # The name comes late: a default name does not replace the title, a telling one does.
    story.say(2.2, CHILD, Began, name="Process-1", daemon=False, parent=MAIN)
    assert child.name == "shop: worker 1 (busy)"
    story.say(2.3, CHILD, Began, name="Anna", daemon=False, parent=MAIN)
    story.look(3.1, CHILD, title="shop: worker 1")
    assert child.name == "Anna"


def test_a_child_of_a_fork_server_without_a_probe_is_no_fork_server() -> None:
    command = "python3 -I -c 'from multiprocessing.forkserver import main; main(3, 5)'"
    nested = command.replace("main(3, 5)", "main(4, 7)")
    server, worker, forked, second = CHILD, CHILD + 1, CHILD + 2, CHILD + 3
    story = Story("python3 -I story.py")
    story.look(0.5, server, command, PYTHON)
    story.look(0.6, worker, command, PYTHON, parent=server)
    story.look(0.7, forked, command, PYTHON, parent=worker)
    story.look(0.8, second, nested, PYTHON, parent=worker)
    told = {pid: story.process(pid) for pid in (server, worker, forked, second)}
    assert [(each.role, each.name) for each in told.values()] == [
        ("fork server", "fork server"),
        ("process", "process of the fork server"),
        ("process", "fork of process of the fork server"),
        ("fork server", "fork server"),
    ]


def test_a_program_that_embeds_python_is_observed_as_what_it_is() -> None:
    story = Story("uwsgi --http")
    story.hello(0.1, command="uwsgi --http", executable="uwsgi")
    story.look(0.2, MAIN, "uwsgi --http", "uwsgi")
    assert story.process(MAIN).probed


def test_a_shell_that_becomes_a_python_is_the_main_process_from_then_on() -> None:
    story = Story("tool all")
    story.look(0.1, MAIN, "bash tool all", "bash")
    assert story.process(MAIN).name == "bash"
    story.hello(0.3)
    story.look(0.4, MAIN, "python3 story.py", PYTHON)
    assert (story.process(MAIN).name, story.process(MAIN).probed) == ("MainProcess", True)


def test_a_sample_of_the_first_process_before_its_exec_does_not_count() -> None:
    story = Story("./run.sh a", is_started=False)
    story.look(0.1, MAIN, "python -I -S supervisor.py", PYTHON)
    story.say(0.1, SUPERVISOR, ProgramStarted, child=MAIN, started=MAIN)
    assert (story.process(MAIN).name, story.process(MAIN).unobserved) == ("run.sh", "")
    assert story.log == [f"starts as pid {MAIN}"]


def test_a_late_sample_from_before_an_exec_does_not_count_for_the_program() -> None:
    story = Story()
    story.hello(0.1)
    story.look(
        0.09,
        MAIN,
        "/usr/bin/python3 -I -S /opt/mpviz/trace/supervisor/supervisor.py 5",
        "python3.11",
    )
    assert (story.process(MAIN).name, story.process(MAIN).probed) == ("MainProcess", True)
    assert story.process(MAIN).unobserved == ""
    assert not [line.text for line in story.state.log if "exec" in line.text]
    # One that has become a Python without a probe is told as that all the same.
    story.look(0.2, MAIN, "/usr/bin/python3 -I -S tool.py", PYTHON)
    assert not story.process(MAIN).probed


def test_an_exec_ends_what_the_process_did_before() -> None:
    story = Story()
    story.hello(0.1)
    story.start_child(1)
    story.fork(1)
    story.say(1.1, CHILD, Began, name="Process-1", daemon=False, parent=MAIN)
    story.hello(2, CHILD, command="python3 tool.py", role="main")
    child = story.process(CHILD)
    assert (child.name, child.role) == ("tool.py", "program")
    assert (child.wait, child.site, child.task) == (None, 0, "")


def test_a_python_is_silent_only_when_it_has_had_the_time_to_speak() -> None:
    story = Story()
    story.look(0.5, MAIN, "python3 story.py", PYTHON)
    story.look(1.4, MAIN)
    assert story.process(MAIN).unobserved == ""
    story.look(1.6, MAIN)
    story.look(1.7, MAIN)
    assert story.process(MAIN).unobserved == "not observed"
    assert sum("has told nothing" in line.text for line in story.state.log) == 1
    story.hello(1.8)
    assert story.process(MAIN).unobserved == ""


@pytest.mark.parametrize(
    ("command", "executable", "sentence"),
    [
        ("python3 -I story.py", PYTHON, "python -I takes no probe along: "),
        ("python3 story.py", PYTHON, "it told nothing: "),
        ("make test", "make", "there was no Python in it that told anything: "),
    ],
)
def test_a_run_that_told_nothing_says_so_in_its_report(
    command: str, executable: str, sentence: str
) -> None:
    story = Story(command)
    story.look(0.5, MAIN, command, executable)
    story.say(1, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=0)
    assert summary(story.state).splitlines()[1].startswith(f"mpviz: {sentence}its processes")


def test_a_native_program_with_pythons_below_it_has_no_such_line() -> None:
    story = Story("make test")
    story.look(0.5, MAIN, "make test", "make")
    story.hello(0.6, CHILD)
    story.say(1, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=0)
    assert "told" not in summary(story.state)
    assert (story.process(MAIN).name, story.process(CHILD).name) == ("make", "story.py")


def test_what_the_supervisor_sends_is_in_the_log_where_the_program_left_somebody_behind() -> None:
    story = Story()
    story.hello(0.1)
    story.fork(0.2)
    fields = {"child": CHILD, "signal": 15}
    story.say(1, SUPERVISOR, SupervisorSignalled, left_behind=False, **fields)
    assert not [line for line in story.state.log if "SIGTERM" in line.text]
    story.say(2, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=0)
    story.say(2.3, SUPERVISOR, SupervisorSignalled, left_behind=True, **fields)
    assert story.state.log[-1].text == "is there after the program's end, so mpviz sends it SIGTERM"
    assert [sender for _, sender, _ in story.process(CHILD).signals] == ["mpviz", "mpviz"]


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ("launch sample", "grep"),
        ("sample launch", "grep"),
        ("early launch", "grep"),
        ("launch early sample", "grep"),
        ("later launch", "cat"),
        ("fork launch", "grep"),
    ],
)
def test_a_program_started_by_subprocess_is_the_same_whoever_tells_of_it_first(
    order: str, name: str
) -> None:
    story = Story()
    story.hello(0.1)
    story.look(0.2, MAIN, "python3 story.py", PYTHON)
    launch = {"child": CHILD, "started": CHILD, "command": "/bin/grep -q x y"}
    steps = {
        "launch": lambda: story.say(1, MAIN, Launched, **launch),
        "early": lambda: story.look(1, CHILD, "python3 story.py", PYTHON),
        "sample": lambda: story.look(1.1, CHILD, "/bin/grep -q x y", "grep"),
        "later": lambda: story.look(1.2, CHILD, "cat y", "cat"),
        "fork": lambda: story.fork(1),
    }
    for step in order.split():
        steps[step]()
    child = story.process(CHILD)
    assert (child.name, child.role, child.parent) == (name, "program", story.state.main)
    assert not child.probed


def test_a_launch_that_a_sample_saw_too_early_is_told_of_once() -> None:
    story = Story()
    story.hello(0.1)
    command = "python3 -I tool.py"
    launch = {"child": CHILD, "started": CHILD, "command": command}
    story.say(1, MAIN, Launched, **launch)
    story.look(0.9, CHILD, "python3 story.py", PYTHON)
    assert story.process(CHILD).unobserved == "python -I, not observed"
    story.look(1.1, CHILD, command, PYTHON)
    assert sum("without a probe" in line.text for line in story.state.log) == 1


def test_a_python_that_was_just_launched_has_the_time_to_speak_too() -> None:
    story = Story()
    story.hello(0.1)
    command = "python3 tool.py"
    story.say(1, MAIN, Launched, child=CHILD, started=CHILD, command=command)
    # In the middle of an exec, a sample cannot read the command.
    story.look(1.1, CHILD)
    assert story.process(CHILD).unobserved == ""
    story.look(1.2, CHILD, command, PYTHON)
    story.look(2.3, CHILD)
    assert story.process(CHILD).unobserved == "not observed"
    assert sum("has told nothing" in line.text for line in story.state.log) == 1


def test_the_exit_code_of_another_program_is_no_trouble_and_a_signal_is() -> None:
    story = Story()
    story.hello(0.1)
    for pid, exit_code in ((CHILD, 1), (CHILD + 1, -11)):
        launch = {"child": pid, "started": pid, "command": "grep x"}
        story.say(1, MAIN, Launched, **launch)
        story.say(2, MAIN, Joined, child=pid, exit_code=exit_code)
    troubles = [line.text for line in story.state.log if line.trouble]
    assert troubles == ["ended by SIGSEGV"]
