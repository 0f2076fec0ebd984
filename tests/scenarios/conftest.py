"""Starts interpreters for the tests of the scenarios, away from this checkout."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Run an interpreter with these arguments, tmp_path first on its path."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            check=False,
            capture_output=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def program(python: Python) -> Python:
    """Run a scenario as a plain program."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return python("-m", "mpviz.scenarios", *arguments)

    return run
