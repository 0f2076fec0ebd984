"""Runs the mpviz command without a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CALL = "import sys; from mpviz.tui.entry import main; sys.exit(main())"
"""The command, as code for any interpreter that can import mpviz."""

MPVIZ = str(Path(sys.executable).with_name("mpviz"))
"""The command, as it was installed."""


def mpviz(
    *words: object,
    directory: Path | None = None,
    code: str = CALL,
    stdin: str | None = None,
    seconds: float = 60,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; without ``stdin`` it has none."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=directory,
        env={**os.environ, **environment},
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def watch_headless(*words: str, stdin: str | None = None) -> tuple[dict[str, Any], list[str], int]:
    """Run a program to its end: the document, the lines that it printed, and the status."""
    done = mpviz("run", "--headless", "--json", "-", *words, stdin=stdin)
    assert done.stdout, done.stderr
    *printed, last = done.stdout.splitlines()
    return json.loads(last), printed, done.returncode


def watch_side_by_side(
    folder: Path, programs: Mapping[str, Sequence[str]], status: int = 0, seconds: float = 60
) -> dict[str, dict[str, Any]]:
    """The documents of programs that are run at the same time; all end with this status."""
    running = {
        name: subprocess.Popen(
            [MPVIZ, "run", "--headless", "--json", folder / f"{number}.json", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, (name, words) in enumerate(programs.items())
    }
    for process in running.values():
        _, errors = process.communicate(timeout=seconds)
        assert process.returncode == status, errors
    files = (folder / f"{number}.json" for number in range(len(running)))
    return {name: json.loads(file.read_text()) for name, file in zip(running, files, strict=True)}
