"""Another package brings its scenarios along by entry points; a broken one does no harm."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mpviz.scenarios import catalogue

Run = Callable[..., CompletedProcess[str]]

SOURCE = '''"""Greetings.

Watch the greeting arrive.
"""

import multiprocessing
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "talking"


def greet(number: int) -> str:
    """Greet from a worker."""
    return f"hello {number}"


def main(*, times: Annotated[int, Range(1, 9, "greetings")] = 2) -> None:
    """Greet from a pool, and say how it was started."""
    print("chosen:", multiprocessing.get_start_method(allow_none=True))
    with multiprocessing.Pool(1) as pool:
        print(*pool.map(greet, range(times)))
'''

OURS = list(catalogue.scenarios())


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str], None]:
    """Install a package called acme, with these entry points, where python finds it."""

    def write(entry_points: str) -> None:
        package = tmp_path / "acme"
        package.mkdir()
        (package / "__init__.py").write_text("raise SystemExit('do not import me to list me')")
        (package / "greetings.py").write_text(SOURCE)
        (package / "silent.py").write_text("")
        (tmp_path / "acme_greetings.py").write_text(SOURCE)
        information = tmp_path / "acme-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[mpviz.scenarios]\n{entry_points}\n")

    return write


def names(done: CompletedProcess[str]) -> list[str]:
    """Return the names in a list."""
    assert done.returncode == 0
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_a_good_one_is_listed_without_being_imported(
    program: Run, install: Callable[[str], None]
) -> None:
    """It stands in its chapter, after those that say where."""
    install("greetings = acme.greetings")

    done = program()

    talking = [each.name for each in catalogue.scenarios().values() if each.chapter == "talking"]
    place = OURS.index(talking[-1]) + 1
    assert names(done) == [*OURS[:place], "greetings", *OURS[place:]]
    assert done.stderr == ""


@pytest.mark.parametrize("method", [None, "fork", "spawn", "forkserver"])
def test_a_good_one_runs_as_ours_do(
    program: Run, install: Callable[[str], None], method: str | None
) -> None:
    """Without --start-method the choice is left to Python."""
    install("greetings = acme_greetings")
    option = () if method is None else ("--start-method", method)

    done = program("greetings", "times=3", *option)

    assert done.stdout.splitlines() == [f"chosen: {method}", "hello 0 hello 1 hello 2"]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("entry_point", "problem"),
    [
        ("gone = acme.gone", "gone: there is no module acme.gone (entry point of acme)"),
        ("gone = none.such", "gone: there is no module none (entry point of acme)"),
        (
            "attribute = acme_greetings:main",
            "attribute: there is no module acme_greetings:main (entry point of acme)",
        ),
        (
            "silent = acme.silent",
            "silent: its docstring needs a title and, as its second paragraph,"
            " a sentence on what to watch for (entry point of acme)",
        ),
        ("built-in = sys", "built-in: sys has no source file (entry point of acme)"),
        (
            "pool-map = acme.greetings",
            "pool-map: mpviz.scenarios.pool_map has this name already (entry point of acme)",
        ),
    ],
)
def test_a_broken_one_is_a_line_on_stderr(
    program: Run, install: Callable[[str], None], entry_point: str, problem: str
) -> None:
    """The list has all the others."""
    install(entry_point)

    done = program()

    assert names(done) == OURS
    assert done.stderr == f"{problem}\n"


def test_asking_for_a_broken_scenario_says_why(
    program: Run, install: Callable[[str], None]
) -> None:
    """Not that there is none of this name."""
    install("gone = acme.gone")

    done = program("gone")

    assert done.returncode == 2
    assert done.stderr == (
        "python -m mpviz.scenarios: gone: there is no module acme.gone (entry point of acme)\n"
    )


def test_entry_points_that_cannot_be_parsed_are_a_line_on_stderr(
    program: Run, install: Callable[[str], None]
) -> None:
    """Whatever stands in the file of another package."""
    install("no equals sign")

    done = program()

    assert names(done) == OURS
    assert done.stderr.startswith("entry points: ")
    assert done.stderr.count("\n") == 1
