"""Tools of every day with two workers each: they do what they do without us, and it is shown.

They run from the command line, as a person would run them, once bare and once watched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.command import CALL
from mpviz.trace.model.state import HELPERS

PATIENCE = 120
FILES = 9
pytestmark = pytest.mark.usefixtures("nothing_left")

MPVIZ = (sys.executable, "-c", CALL)

SOURCE = '''"""Module number {number}."""
import sys
import json
from os import path
from collections import OrderedDict


def  first( x,y = {number} ):
    """Add, in a style that each of the tools has something to say about."""
    result = {{ 'a':x,'b':y }}
    return result['a']+result['b']


class Second:
    """Holds a number."""
    value=first( {number},2 )
'''


@dataclass(frozen=True)
class Tool:
    """A command, and what is true of its workers."""

    words: tuple[str, ...]
    status: int
    kind: str
    call: str


TOOLS = {
    "compileall": Tool(("compileall", "-j", "2", "tree"), 0, "ProcessPoolExecutor", "map"),
    "black": Tool(("black", "--workers", "2", "tree"), 0, "ProcessPoolExecutor", "submit"),
    "flake8": Tool(("flake8", "--isolated", "-j", "2", "tree"), 1, "Pool", "imap_unordered"),
    # It ends its workers with what they have printed and not yet written: what is left varies.
    "isort": Tool(("isort", "--quiet", "-j", "2", "tree"), 0, "Pool", "imap"),
    "pylint": Tool(
        ("pylint", "--rcfile=", "-j", "2", "--disable=R", "tree"), 4, "ProcessPoolExecutor", "map"
    ),
}


@dataclass(frozen=True)
class Done:
    """What a run has left for its user."""

    stdout: list[str]
    """Lines in order of the alphabet: with two workers, files are done in any order."""
    stderr: list[str]
    status: int
    files: dict[str, bytes]


def run(folder: Path, command: tuple[str, ...]) -> Done:
    """Run a command where there is a new tree of sources, and nothing that an earlier run knew."""
    tree = folder / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    tree.mkdir(parents=True)
    for number in range(FILES):
        name = "__init__" if number == 0 else f"module_{number}"
        (tree / f"{name}.py").write_text(SOURCE.format(number=number))
        # It goes into what is compiled.
        os.utime(tree / f"{name}.py", (1_700_000_000, 1_700_000_000))
    caches = {name: str(folder / "caches") for name in ("BLACK_CACHE_DIR", "PYLINTHOME", "HOME")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **caches, "PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    files = {str(path.relative_to(tree)): path for path in tree.rglob("*") if path.is_file()}
    return Done(
        sorted(done.stdout.splitlines()),
        sorted(done.stderr.splitlines()),
        done.returncode,
        {name: path.read_bytes() for name, path in files.items()},
    )


def assert_same_and_shown(tool: Tool, python: str, folder: Path) -> dict[str, Any]:
    """Run a tool bare and watched, and give the one pool that the document tells of."""
    result = folder / "result.json"
    command = ("-m", *tool.words)
    bare = run(folder / "run", (python, *command))
    options = ("--headless", "--json", str(result), "--python", python)
    watched = run(folder / "run", (*MPVIZ, "run", *options, *command))
    reported = [line for line in watched.stderr if line.startswith("mpviz: ")]
    assert bare.status == tool.status, bare
    assert watched.status == bare.status, watched.stderr
    assert watched.stdout == bare.stdout
    assert [line for line in watched.stderr if line not in reported] == bare.stderr
    assert watched.files == bare.files
    document: dict[str, Any] = json.loads(result.read_text())
    stream = document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_pool_is_whole(tool, document)
    return document


def assert_pool_is_whole(tool: Tool, document: dict[str, Any]) -> None:
    """Each file is done once, by one of the processes that the tool has really started."""
    (pool,) = document["pools"]
    assert (pool["kind"], pool["size"], pool["broken"]) == (tool.kind, 2, False)
    assert {job["call"] for job in pool["jobs"]} == {tool.call}
    tasks = document["tasks"]
    # From Python 3.13 on, compileall makes tasks of up to four files each.
    assert len(tasks) in (FILES, -(-FILES // 4))
    assert sum(task["items"] for task in tasks) == FILES
    assert sum(job["tasks"] for job in pool["jobs"]) == len(tasks)
    assert sum(job["done"] for job in pool["jobs"]) == len(tasks)
    assert {task["outcome"] for task in tasks} == {"done"}
    main, *others = [each for each in document["processes"] if each["role"] not in HELPERS]
    workers = [worker["pid"] for worker in pool["workers"]]
    assert sorted(workers) == sorted(process["pid"] for process in others)
    assert 1 <= len(workers) <= 2
    for worker in pool["workers"]:
        assert worker["tasks"] == sum(task["worker_pid"] == worker["pid"] for task in tasks)
    assert {process["role"] for process in others} == {"worker"}
    assert {process["parent_pid"] for process in others} == {main["pid"]}
    # What a pool is made of is not the tool's own.
    assert not any(document[section] for section in ("queues", "locks", "pipes", "events"))


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in TOOLS if name != "compileall"])
def test_a_tool_does_under_mpviz_what_it_does_without(name: str, tmp_path: Path) -> None:
    document = assert_same_and_shown(TOOLS[name], sys.executable, tmp_path)
    assert document["run"]["exit_code"] == TOOLS[name].status


def test_compileall_does_so_on_each_python(python: str, tmp_path: Path) -> None:
    document = assert_same_and_shown(TOOLS["compileall"], python, tmp_path)
    (function,) = {task["function"] for task in document["tasks"]}
    # Its name in Python 3.8.
    assert function in ("compile_file", "_compile_file_tuple")


def test_a_failing_import_looks_as_it_does_without_us(python: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    # Before the library's own, which multiprocessing needs.
    (tmp_path / "queue.py").write_text("raise RuntimeError('this is not the queue you want')\n")
    program.write_text("import multiprocessing.queues\n")
    bare, watched = [
        subprocess.run(
            [*command, "program.py"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        for command in ((python,), (*MPVIZ, "run", "--headless", "--python", python))
    ]
    assert (bare.returncode, watched.returncode) == (1, 1)
    assert "not the queue you want" in bare.stderr
    assert watched.stderr.startswith(bare.stderr)


def test_a_module_is_observed_also_where_the_program_asked_before_whether_it_is_there(
    run_program: Any,
) -> None:
    observed = run_program(
        "from importlib.util import find_spec\n"
        "assert find_spec('multiprocessing.queues')\n"
        "import multiprocessing\n"
        "queue = multiprocessing.SimpleQueue()\n"
        "queue.put(1)\n"
        "queue.get()\n"
    )
    observed.assert_nothing_was_missed()
    assert observed.one("queues", "queue")["puts"] == 1
