"""The run screen: every key does what the table says, seen in the state, the session and the rows."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mpviz.trace.session import Target
from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.help import HelpScreen
from mpviz.tui.screens.picker import PickerScreen
from mpviz.tui.screens.run import RunScreen
from mpviz.tui.sessions import NotStarted
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header
from mpviz.tui.widgets.panel_view import PanelView
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
