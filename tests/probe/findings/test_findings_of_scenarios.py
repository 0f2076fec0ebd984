"""What the rules on speed say of the scenarios with their defaults: nothing, but of what is wrong.

All are run side by side, which makes each of them several times as slow as it is by itself: what is
said of a program must not hang on what else the machine does.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from helpers.command import watch_side_by_side
from mpviz.scenarios.catalogue import scenarios

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]

PATIENCE = 300

ON_SPEED = {
    *("lost-updates", "queue-full", "queue-starved", "queue-growing", "straggler"),
    *("uneven-workers", "tasks-too-small", "startup-longer", "serial-by-lock", "lock-convoy"),
    *("too-many-for-cores", "too-many-to-feed", "one-at-a-time", "bound-to-cores"),
    *("tasks-too-big", "pool-for-each-call", "read-before-start", "results-pile-up"),
    "too-many-threads",
}

ABOUT = {
    "race": {"lost-updates"},
    # All of the work is done under the lock; where others want the cores, it takes longer to get it
    # than to hold it.
    "shared-counter": {"serial-by-lock", "lock-convoy"},
    # The last part has one chunk for each worker, and the second chunk takes three times as long.
    "pool-chunks": {"straggler"},
}
"""The scenarios that show what a rule on speed names."""

WORDS = {
    "lab": ["script=start;start;terminate 1;join 1 1;join 2", "seconds=1"],
    "bank": ["way=in-order"],
    "last-item": ["way=sentinel"],
}
"""The lab does nothing that it is not told; the others are right only in this way."""

RIGHT_IN_ONE_WAY = {"bank", "last-item"}
"""Those that hang in another one."""

NAMES = sorted(
    name
    for name, scenario in scenarios().items()
    if (not scenario.hangs or name in RIGHT_IN_ONE_WAY)
    and (name != "thumbnails" or find_spec("PIL"))
)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What is found in each."""
    words = {name: [name, *WORDS.get(name, [])] for name in NAMES}
    documents = watch_side_by_side(tmp_path_factory.mktemp("s"), words, seconds=PATIENCE)
    return {name: document["findings"] for name, document in documents.items()}


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_is_wrong_and_nothing_else(
    findings: dict[str, list[dict[str, Any]]], name: str
) -> None:
    found = [each for each in findings[name] if each["rule"] in ON_SPEED]
    # Among so many a tail may end too soon, or a lock be free until whoever waits for it is woken.
    assert {each["rule"] for each in found} <= ABOUT.get(name, set()), found
    assert len(found) == len({each["rule"] for each in found})
    assert found or name != "race"
