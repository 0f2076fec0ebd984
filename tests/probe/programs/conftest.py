"""The stage on which programs show what they see of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.stage import ALONE, LOOKING, Stage
from mpviz.trace.collect.transport import Transport


@pytest.fixture
def stage(tmp_path: Path, nothing_left: None) -> Iterator[Stage]:
    """A folder with ``looking.py`` and ``alone.py``, and a transport for what is observed."""
    transport = Transport()
    stage = Stage(tmp_path, transport)
    stage.write("looking.py", LOOKING)
    stage.write("alone.py", ALONE)
    yield stage
    transport.close()
