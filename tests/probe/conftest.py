"""Fixtures for the modules here that watch one program in many ways."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.runs import Observed, RunProgram, run_bare


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest) -> str:
    """The module's ``PROGRAM``, after what is ``COMMON`` to its programs."""
    return getattr(request.module, "COMMON", "") + str(request.module.PROGRAM)


@pytest.fixture(scope="module")
def run(program: str, run_everywhere: RunProgram) -> Observed:
    """What is told of the module's program, on each Python by each start method."""
    return run_everywhere(program)


@pytest.fixture(scope="module")
def bare(
    program: str, python: str, start_method: str, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """What the same program tells without mpviz."""
    return run_bare(program, tmp_path_factory.mktemp("bare"), python, start_method)
