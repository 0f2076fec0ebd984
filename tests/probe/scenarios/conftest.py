"""The start methods of scenarios: the fact that one teaches is the same under all of them."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def start_method(fork_at_least: str) -> str:
    """Instead of each start method in turn."""
    return fork_at_least
