"""What mpviz finds in each program of a folder, as a table, on several Pythons and start methods.

``python -m tests.benchmarks cases FOLDER --python EXE --seconds 12`` runs each program that lies
directly in the folder, headless and with ``--fail-on all``, in a copy of the folder; nobody types
anything. A program that still runs after so many seconds gets Ctrl-C. A program chooses its start
method with ``get_context("fork")``, in which the copy names another one, or leaves it to
``--start-method``. One that has no start method is run once. With ``--attached`` each is started
without mpviz, and ``mpviz why`` looks at it after these seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

METHODS = ("fork", "spawn", "forkserver")
CHOICE = 'get_context("fork")'
HAS_METHOD = (CHOICE, "ProcessPoolExecutor(")
"""Words of a program that has a start method."""

CTRL_C_SECONDS, END_SECONDS = 6, 60
"""Seconds that a program gets to end after Ctrl-C, before mpviz is told to end it; and mpviz."""

MPVIZ = str(Path(sys.executable).with_name("mpviz"))


@dataclass(frozen=True)
class Trial:
    """A program on a Python by a start method."""

    program: Path
    python: str
    method: str
    """Empty for a program without one."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    status: int
    """Exit status of mpviz."""
    interrupted: bool
    document: dict[str, Any]
    stderr: str


def main(words: Sequence[str]) -> None:
    """Print the table, in the order of the programs, as rows become known."""
    # A shell has its background jobs ignore Ctrl-C, and the programs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = argparse.ArgumentParser(prog="cases", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--python", action="append", help="an interpreter; may be given again")
    options.add_argument("--method", action="append", choices=METHODS)
    options.add_argument("--only", default="", help="programs whose names begin so, with commas")
    options.add_argument("--seconds", type=float, default=12.0, help="before Ctrl-C")
    options.add_argument("--attached", action="store_true", help="start it without mpviz")
    options.add_argument("--at-once", type=int, default=2, help="programs that run together")
    chosen = options.parse_args(words)
    begins = tuple(chosen.only.split(","))
    programs = sorted(each for each in chosen.folder.glob("*.py") if each.name.startswith(begins))
    pythons, methods = chosen.python or [sys.executable], chosen.method or METHODS
    trials = [
        Trial(program, python, method)
        for program in programs
        for python in pythons
        for method in (methods if _has_method(program) else ("",))
    ]
    print(f"{'case':26} {'python':7} {'method':10} {'status':>6} {'program':11} findings")
    with ThreadPoolExecutor(chosen.at_once) as threads:
        for trial, outcome in zip(
            trials, threads.map(partial(_run, chosen.seconds, chosen.attached), trials), strict=True
        ):
            _print_rows(trial, outcome)


def _has_method(program: Path) -> bool:
    text = program.read_text()
    return any(words in text for words in HAS_METHOD)


def _run(seconds: float, attached: bool, trial: Trial) -> Outcome:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "cases")
        shutil.copytree(trial.program.parent, folder)
        for file in folder.rglob("*.py") if trial.method else ():
            text = file.read_bytes()
            file.write_bytes(
                text.replace(CHOICE.encode(), CHOICE.replace("fork", trial.method).encode())
            )
        report = Path(temporary, "report.json")
        if attached:
            return _look(seconds, trial, folder, report)
        method = ("--start-method", trial.method) if trial.method else ()
        command = (
            *(MPVIZ, "run", "--headless", "--python", trial.python, *method),
            *("--json", str(report), "--fail-on", "all", "--grace", "3", trial.program.name),
        )
        errors = Path(temporary, "errors.txt")
        with (
            errors.open("wb") as written,
            subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "TMPDIR": temporary},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=written,
            ) as process,
        ):
            interrupted = _end(process, seconds)
        document = json.loads(report.read_text()) if report.exists() else {}
        return Outcome(
            process.returncode, interrupted, document, errors.read_text(errors="replace")
        )


def _look(seconds: float, trial: Trial, folder: Path, report: Path) -> Outcome:
    """Start it plainly, look at it when it should hang, and kill it with all that it started."""
    with subprocess.Popen(
        (trial.python, trial.program.name),
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            time.sleep(seconds)
            if process.poll() is not None:
                ended = {"run": {"exit_code": process.returncode, "hang": []}}
                return Outcome(0, interrupted=False, document=ended, stderr="")
            words = (MPVIZ, "why", str(process.pid), "--json", str(report), "--fail-on", "all")
            done = subprocess.run(words, check=False, capture_output=True, text=True)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    document = json.loads(report.read_text()) if report.exists() else {}
    return Outcome(done.returncode, interrupted=True, document=document, stderr=done.stderr)


def _end(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for its end; whether it had to be told to end."""
    interrupted = False
    for patience, sent in (
        (seconds, signal.SIGINT),
        (CTRL_C_SECONDS, signal.SIGTERM),
        (END_SECONDS, signal.SIGKILL),
    ):
        try:
            process.wait(patience)
            return interrupted
        except subprocess.TimeoutExpired:
            process.send_signal(sent)
            interrupted = True
    process.wait()
    return interrupted


def _print_rows(trial: Trial, outcome: Outcome) -> None:
    """One row for each finding, or one that says that there is none."""
    run = outcome.document.get("run", {})
    python = run.get("python_version") or Path(trial.python).name
    ended = "Ctrl-C" if outcome.interrupted else f"exit {run.get('exit_code')}"
    begin = (trial.program.stem, python, trial.method or "-", outcome.status, ended)
    for number, words in enumerate(_findings(outcome) or [_without_finding(outcome)]):
        row = begin if not number else ("", "", "", "", "")
        print("{:26} {:7} {:10} {:>6} {:11}".format(*row), words, flush=True)


def _findings(outcome: Outcome) -> list[str]:
    return [f"{each['rule']}: {each['message']}" for each in outcome.document.get("findings", ())]


def _without_finding(outcome: Outcome) -> str:
    if not outcome.document:
        return f"no report: {outcome.stderr.strip()[-200:]}"
    missing = [line for line in outcome.stderr.splitlines() if "ModuleNotFoundError" in line]
    if missing:
        return missing[0]
    stuck = len(outcome.document["run"]["hang"])
    return f"none, {stuck} stuck" if stuck else "none"
