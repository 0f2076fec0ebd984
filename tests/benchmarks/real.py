"""Tools of every day with two workers, from the command line: under ``mpviz run``, against bare."""

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

ROUNDS = 9

# What each does, and on which packages of the standard library, so that it takes some seconds.
TOOLS = {
    "compileall": (("-q", "-o", "0", "-o", "1", "-o", "2", "-j", "2"), ()),
    "black": (("--quiet", "--workers", "2"), ("asyncio", "email", "json", "logging")),
    "pylint": (("--rcfile=", "-j", "2"), ("email", "json", "logging")),
}


def main() -> None:
    """Print the table."""
    print_head("tools with two workers", "watched", "bare")
    for name, (words, packages) in TOOLS.items():
        with tempfile.TemporaryDirectory() as folder:
            _copy_sources(packages, Path(folder, "sources"))
            run = partial(_command, Path(folder), ("-m", name, *words, "tree"))
            print_row(name, compare(run(watched=True), run(watched=False), ROUNDS), "at most 1.05")


def _copy_sources(packages: tuple[str, ...], sources: Path) -> None:
    """Copy these packages of the standard library, or all of it but its tests."""
    library = Path(sysconfig.get_path("stdlib"))
    for file in library.rglob("*.py"):
        path = file.relative_to(library)
        wanted = path.parts[0] in packages if packages else "site-packages" not in path.parts
        if wanted and not {"test", "tests"} & set(path.parts):
            (sources / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, sources / path)


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
