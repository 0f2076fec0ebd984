"""A virtual environment that has nothing of ours: the full picture, and no trace in the program."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import run_to_end
from mpviz.probe import BOOT
from mpviz.trace.explain.report import document
from mpviz.trace.launch.start import Target, start

PROGRAM = """
import json, multiprocessing, os, sys

def square(number):
    return number * number

def seen():
    return {
        "path": sys.path,
        "modules": sorted(sys.modules),
        "files": sorted(str(getattr(module, "__file__", "")) for module in sys.modules.values()),
        "prefix": sys.prefix,
        "environment": sorted(os.environ),
    }

def main():
    lock = multiprocessing.Lock()
    queue = multiprocessing.Queue()
    for number in range(3):
        with lock:
            queue.put(number)
    taken = [queue.get() for _ in range(3)]
    with multiprocessing.Pool(2) as pool:
        squares = pool.map(square, range(6), chunksize=2)
        child = pool.apply(seen)
        pool.close()
        pool.join()
    with open(sys.argv[1], "w") as file:
        json.dump({"parent": seen(), "child": child, "sums": [taken, squares]}, file)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    main()
"""

NEEDED = {
    *("_collections", "_functools", "_json", "_operator", "_struct", "_thread", "binascii"),
    # Up to Python 3.10: what the guard asks for the number of an instruction.
    *("_opcode", "opcode"),
    *(
        "errno",
        "faulthandler",
        "fcntl",
        "itertools",
        "math",
        "mmap",
        "resource",
        "select",
        "struct",
        "time",
        "zlib",
        "mpviz_probe",
    ),
}
"""What the probe itself needs: a few modules of the standard library, most of them of C."""


@dataclass
class Environment:
    """A virtual environment, and two runs of a program in it."""

    bare: dict[str, Any]
    observed: dict[str, Any]
    document: dict[str, Any]


def make_environment(folder: Path, python: str, *options: str) -> str:
    """Make a virtual environment, without pip unless it is asked for; give its interpreter."""
    subprocess.run(
        [python, "-m", "venv", *(options or ("--without-pip",)), str(folder)],
        check=True,
        timeout=60,
    )
    return str(folder / "bin" / "python")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, python: str) -> str:
    """The interpreter of a new virtual environment."""
    return make_environment(tmp_path_factory.mktemp("e") / "venv", python)


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, own: str, start_method: str
) -> Environment:
    folder = tmp_path_factory.mktemp("e")
    (folder / "program.py").write_text(PROGRAM)
    words = ["program.py", "bare.json", start_method]
    subprocess.run([own, *words], cwd=folder, check=True, timeout=60)
    words[1] = "observed.json"
    session = start(Target(words, name="program", python=own, directory=folder), capture=True)
    run_to_end(session)
    session.close()
    assert session.state.exit_code == 0, [line.text for line in session.state.output]
    told = [json.loads((folder / f"{name}.json").read_text()) for name in ("bare", "observed")]
    return Environment(*told, document(session.state))


def test_the_picture_is_full(environment: Environment) -> None:
    found = environment.document
    assert [(lock["name"], lock["acquisitions"]) for lock in found["locks"]] == [("lock", 3)]
    assert [(queue["puts"], queue["gets"]) for queue in found["queues"]] == [(3, 3)]
    assert [(pool["name"], pool["size"]) for pool in found["pools"]] == [("pool", 2)]
    assert {task["outcome"] for task in found["tasks"]} == {"done"}
    assert len(found["tasks"]) == 4
    assert all(
        process["observed"] for process in found["processes"] if "tracker" not in process["role"]
    )
    stream = found["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert environment.observed["sums"] == environment.bare["sums"]


@pytest.mark.parametrize("who", ["parent", "child"])
def test_the_program_finds_nothing_of_ours_but_the_probe(
    environment: Environment, who: str
) -> None:
    bare, observed = environment.bare[who], environment.observed[who]
    assert observed["prefix"] == bare["prefix"]
    assert observed["path"] == bare["path"]
    news = set(observed["modules"]) - set(bare["modules"]) - {"sitecustomize"}
    ours = {name for name in news if name.split(".")[0] == "mpviz_probe"}
    assert ours
    assert news - ours <= NEEDED
    assert set(bare["modules"]) <= set(observed["modules"])
    files = set(observed["files"]) - set(bare["files"])
    assert not [file for file in files if "site-packages" in file and str(BOOT) not in file]
    more = set(observed["environment"]) - set(bare["environment"])
    assert more <= {"PYTHONPATH", "MPVIZ_EVENTS"}


def test_what_an_environment_imports_before_all_else_is_observed_too(
    tmp_path: Path, python: str
) -> None:
    own = make_environment(tmp_path / "venv", python)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    early = "import multiprocessing.pool, multiprocessing.sharedctypes, subprocess"
    (packages / "early.pth").write_text(f"{early}, concurrent.futures.process\n")
    (tmp_path / "program.py").write_text(PROGRAM)
    words = ["program.py", "told.json", "fork"]
    session = start(Target(words, name="program", python=own, directory=tmp_path), capture=True)
    run_to_end(session)
    session.close()
    found = document(session.state)
    assert [lock["acquisitions"] for lock in found["locks"]] == [3]
    assert [queue["puts"] for queue in found["queues"]] == [3]
    assert len(found["tasks"]) == 4
    assert found["stream"]["probe_errors"] == 0


@pytest.mark.thorough
def test_pip_lists_what_it_lists_without_us(tmp_path: Path) -> None:
    own = make_environment(tmp_path / "venv", sys.executable, "--symlinks")
    words = ["-m", "pip", "--disable-pip-version-check", "list", "-v"]
    bare = subprocess.run([own, *words], capture_output=True, text=True, check=True, timeout=60)
    session = start(Target(words, name="pip", python=own), capture=True)
    run_to_end(session)
    session.close()
    told = [line.text for line in session.state.output if line.stream == "stdout"]
    assert told == bare.stdout.splitlines()
    assert any(line.startswith("pip ") for line in told)
    assert not any("mpviz" in line for line in told)
