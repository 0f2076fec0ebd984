"""Stories that the tests of the model begin with."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    MAIN,
    Story,
)
from mpviz.trace.model.primitives.pool_events import (
    JobSubmitted,
    PoolCreated,
    WorkerReady,
)


@pytest.fixture
def story() -> Story:
    """A run in which nothing has been told yet."""
    return Story("story", start=0, begun=False)


@pytest.fixture
def two(story: Story) -> Story:
    """A run with two children, Anna and Bert, at work from the eleventh millisecond on."""
    story.begin()
    story.start(10, ANNA, "Anna")
    story.start(10, BERT, "Bert")
    return story


@pytest.fixture
def pool(two: Story) -> Story:
    """A pool of Anna and Bert, with a map of four items in chunks of two."""
    two.site(9, 5, "pool = Pool(2)", "/a/story.py")
    two.tell(5, MAIN, PoolCreated, object="P", workers=2, site=9)
    two.tell(10, ANNA, WorkerReady, object="P")
    two.tell(10, BERT, WorkerReady, object="P")
    submitted = {"job": 0, "call": "map", "function": "square", "tasks": 2, "items": 4}
    two.tell(12, MAIN, JobSubmitted, object="P", chunksize=2, **submitted)
    two.wait(12, MAIN, "results", "P/0")
    return two


@pytest.fixture
def value(two: Story) -> Story:
    """A Value of 0 named counter."""
    two.value("counter")
    return two
