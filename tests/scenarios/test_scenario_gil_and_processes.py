"""The chapters on the GIL and on processes: what each prints, and that it leaves nothing."""

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest

from helpers.scenario_output import lines, primes_below

Run = Callable[..., CompletedProcess[str]]

START_METHODS = ("fork", "spawn", "forkserver")


@pytest.mark.parametrize("method", START_METHODS)
def test_the_same_primes_are_counted_in_three_ways(program: Run, method: str) -> None:
    """The speed-up of each is against the first; how large it is, is left to the machine."""
    words = ("workers=2", "tasks=3", "size=500", "pause=0", "--start-method", method)

    first, *parts = lines(program("gil-race", *words))
    *parts, result, why = parts

    assert re.fullmatch(r"GIL (on|off), \d+ cores, 2 workers, 3 tasks", first)
    found = 3 * primes_below(500)
    names = ["in sequence", "in threads", "in processes", "in interpreters"]
    names = names[: len(parts) // 3]
    speed_ups = []
    for name, begun, over, done in zip(names, parts[::3], parts[1::3], parts[2::3], strict=True):
        assert (begun, over) == (f"## {name.removeprefix('in ')}", "##")
        pattern = rf"{name}: {found} primes in \d+\.\d\d s, speed-up \d+\.\d\d"
        assert re.fullmatch(pattern, done)
        speed_ups.append(f"{name.removeprefix('in ')} {done.rpartition(' ')[2]}x")
    assert len(names) >= 3
    assert speed_ups[0] == "sequence 1.00x"
    assert result == f"=> {', '.join(speed_ups)}"
    assert re.fullmatch(r"=> GIL (on: the GIL lets one|off: without the GIL).*", why)


WHO_WORKS = """
    import functools, os, threading
    from multiprocessing import set_start_method
    from mpviz.scenarios import gil_race

    seen, tell = os.pipe()
    count = gil_race.calculate_primes

    @functools.wraps(count)
    def watched(limit):
        os.write(tell, b"%d %d %d\\n" % (os.getpid(), threading.get_native_id(), limit))
        return count(limit)

    gil_race.calculate_primes = watched
    set_start_method("fork")
    gil_race.main(workers=2, tasks=6, size=300, pause=0)
    print(os.getpid())
    print(os.read(seen, 65536).decode(), end="")
"""


def test_the_three_parts_do_the_same_tasks_in_different_places(python: Run) -> None:
    """In this thread, in other threads of this process, in other processes."""
    printed = lines(python("-c", textwrap.dedent(WHO_WORKS)))[12:]

    main, *calls = ([int(word) for word in line.split()] for line in printed)
    sequence, threads, processes = calls[:6], calls[6:12], calls[12:]
    assert [limit for _, _, limit in calls] == 18 * [300]
    (pid,) = main
    assert {(process, thread) for process, thread, _ in sequence} == {(pid, pid)}
    assert {process for process, _, _ in threads} == {pid}
    assert pid not in {thread for _, thread, _ in threads}
    assert pid not in {process for process, _, _ in processes}
    assert all(process == thread for process, thread, _ in processes)


GIL = """
    import sys
    from mpviz.scenarios.gil_race import gil
    vars(sys).pop("_is_gil_enabled", None)
    print(gil())
    sys._is_gil_enabled = lambda: True
    print(gil())
    sys._is_gil_enabled = lambda: False
    print(gil())
"""


def test_whether_there_is_a_gil_is_what_python_says(python: Run) -> None:
    """Before 3.13 it says nothing, and has one; since then a free-threaded build may have none."""
    assert lines(python("-c", textwrap.dedent(GIL))) == ["on", "on", "off"]


@pytest.mark.parametrize("method", START_METHODS)
def test_two_workers_get_their_arguments_and_know_their_parent(program: Run, method: str) -> None:
    """B, whose arguments have names, adds up twice as many squares."""
    words = ("iterations=100", "pause=0", "--start-method", method)

    printed = lines(program("two-workers", *words))

    main = re.fullmatch(r"MainProcess: I am (\d+)", printed[0])
    assert main
    for name, iterations in (("A", 100), ("B", 200)):
        of_worker = [line for line in printed if line.startswith(f"worker {name}: ")]
        of_parent = [line for line in printed if line.startswith(f"worker-{name} ")]
        who = re.fullmatch(rf"worker {name}: I am (\d+), my parent is {main[1]}", of_worker[0])
        assert who
        total = sum(number**2 for number in range(iterations))
        assert of_worker[1:] == [f"worker {name}: the total is {total}"]
        planned, started, joined = of_parent
        assert planned == f"worker-{name} planned: pid None, exit code None"
        # With so little to do it may have ended before its parent looks.
        assert re.fullmatch(rf"worker-{name} started: pid {who[1]}, exit code (None|0)", started)
        assert joined == f"worker-{name} joined: pid {who[1]}, exit code 0"


@pytest.mark.parametrize("default", START_METHODS)
def test_only_a_forked_child_sees_what_the_parent_has_changed(program: Run, default: str) -> None:
    """Whatever the default is; and the children of one method know the same."""
    printed = lines(program("start-methods", "seconds=0", "--start-method", default))

    assert printed[0] == "MainProcess: colour red"
    knows = {
        "fork": "imports inherited, colour red",
        "spawn": "imports anew, colour blue",
        "forkserver": "imports anew, colour blue",
    }
    pairs = zip(printed[1::2], printed[2::2], strict=True)
    names = [(method, number) for method in START_METHODS for number in (1, 2)]
    for (method, number), pair in zip(names, pairs, strict=True):
        # Which of the two speaks first is left to the moment.
        begun, started = sorted(pair)
        name = f"{method}-{number}"
        first_line = re.fullmatch(rf"{name}: first line after (\d+\.\d) ms, (.+)", begun)
        assert first_line
        assert first_line[2] == knows[method]
        assert re.fullmatch(rf"{name}: start\(\) took \d+\.\d ms", started)


@pytest.mark.parametrize("method", START_METHODS)
def test_one_method_can_be_tried_alone(program: Run, method: str) -> None:
    """Two children are enough to see what the first of them has paid for."""
    printed = lines(program("start-methods", "seconds=0", f"method={method}"))

    assert [line.partition(":")[0] for line in printed[1:]] == 2 * [f"{method}-1"] + 2 * [
        f"{method}-2"
    ]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder in which the programs make their temporary files; none may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.usefixtures("temporary")
def test_without_the_guard_python_refuses_and_with_it_the_child_works(
    program: Run, method: str
) -> None:
    """The error is Python's own, and each file is run by two processes: never by a third."""
    done = program("main-guard", "seconds=0", "--start-method", method)

    printed = "\n".join(lines(done))
    unguarded, guarded = re.split(r"(?<=^unguarded.py: exit code 1)$", printed, flags=re.MULTILINE)
    runs = r"^(\d+) runs the file as (\w+)$"
    for part in (unguarded, guarded):
        pids, names = zip(*re.findall(runs, part, re.MULTILINE), strict=True)
        assert names == ("__main__", "__mp_main__")
        assert len(set(pids)) == 2
    assert "RuntimeError:" in unguarded
    assert "An attempt has been made to start a new process before" in unguarded
    assert not re.search(r"^\d+ works$", unguarded, re.MULTILINE)
    assert f"\n{pids[1]} works\n" in guarded
    assert "Error" not in guarded
    assert guarded.endswith("guarded.py: exit code 0")


@pytest.mark.parametrize(("guard", "exit_code"), [("without", 1), ("with", 0)])
@pytest.mark.usefixtures("temporary")
def test_one_of_the_two_can_be_run_alone(program: Run, guard: str, exit_code: int) -> None:
    """Its last line says how it ended."""
    printed = lines(program("main-guard", "seconds=0", f"guard={guard}"))

    ends = [line for line in printed if ": exit code " in line]
    assert ends == printed[-1:]
    assert ends[0].endswith(f"guarded.py: exit code {exit_code}")
    has_guard = 'if __name__ == "__main__":' in printed
    assert has_guard == (guard == "with")


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 128 + signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)],
)
@pytest.mark.usefixtures("temporary")
def test_it_leaves_neither_file_nor_process_when_it_is_ended_early(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """The fixture looks for the file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mpviz.scenarios", "main-guard", "seconds=10"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "runs the file as __main__" in line:
                    break
            descendants = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()

    assert (process.returncode, errors) == (status, "")
    gone, alive = psutil.wait_procs(descendants, timeout=30)
    assert (len(gone), alive) == (1, [])
