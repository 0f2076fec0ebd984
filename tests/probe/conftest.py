"""A fixture for the modules here that watch one program in many ways."""

from __future__ import annotations

import pytest

from helpers.runs import Observed, RunProgram


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest, run_everywhere: RunProgram) -> Observed:
    """The module's ``PROGRAM``, run on each Python by each start method."""
    program: str = request.module.PROGRAM
    return run_everywhere(program)
