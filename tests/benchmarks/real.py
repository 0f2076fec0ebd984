"""Tools of every day with two workers, from the command line: under ``mpviz run``, against bare.

The whole command is measured, with the fifth of a second that mpviz takes to start and to end.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.benchmarks.pairs import Measure, compare, print_head, print_row

ROUNDS = 5

# What each is told to do on packages of the standard library, so many that it takes some seconds.
TOOLS = {
    "compileall": ("-q", "-o", "0", "-o", "1", "-o", "2", "-j", "2"),
    "black": ("--quiet", "--workers", "2"),
    "pylint": ("--rcfile=", "-j", "2"),
}
PACKAGES = ("asyncio", "email", "json", "logging")
COPIES = {"compileall": 18}
"""How many copies of them, for a tool that is quick."""


def main() -> None:
    """Print the table."""
    print_head("tools with two workers", "watched", "bare")
    for name, words in TOOLS.items():
        with tempfile.TemporaryDirectory() as folder:
            for number in range(COPIES.get(name, 1)):
                _copy_sources(Path(folder, "sources", f"copy_{number}"))
            run = partial(_command, Path(folder), ("-m", name, *words, "tree"))
            print_row(name, compare(run(watched=True), run(watched=False), ROUNDS), "at most 1.05")


def _copy_sources(folder: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    for package in PACKAGES:
        for file in (library / package).rglob("*.py"):
            path = folder / file.relative_to(library)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, path)


def _command(folder: Path, words: tuple[str, ...], watched: bool) -> Measure:
    mpviz = str(Path(sys.executable).with_name("mpviz"))
    python = (mpviz, "run", "--headless", "--python") if watched else ()
    return partial(_seconds, folder, (*python, sys.executable, *words))


def _seconds(folder: Path, command: tuple[str, ...]) -> float:
    """How long a command takes where there are new sources, and no cache of an earlier run."""
    for name in ("tree", "caches"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(folder / "sources", folder / "tree")
    caches = {name: str(folder / "caches") for name in ("BLACK_CACHE_DIR", "PYLINTHOME")}
    environment = {**os.environ, **caches, "PYTHONDONTWRITEBYTECODE": ""}
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    if "mpviz" in command[0] and "none lost" not in done.stderr:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return took
