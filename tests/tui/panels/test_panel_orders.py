"""Long lists: what the filter lets through, in what order, and how the title says so."""

import pytest

from helpers.panel_stories import counter, factory, pool_map, shared, stages, talk
from helpers.story import MAIN, Story
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import PANELS, locks, processes
from mpviz.tui.panels.listing import natural
from mpviz.tui.panels.panel import Panel, title_of
from mpviz.tui.render.view import View

ORDERED = [panel for panel in PANELS if panel.listing is not None and panel.listing.orders]


def keys_of(panel: Panel, state: RunState, height: int = 40, **view: object) -> list[str]:
    """The things that the panel lists, from the top."""
    rows = panel.draw(state, View(now=state.now, **view), 120, height)  # type: ignore[arg-type]
    return list(dict.fromkeys(row.key for row in rows if row.key))


def many_locks(number: int = 200) -> Story:
    """Each lock is waited for longer than the one before it, and held shorter."""
    story = Story()
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    site = story.site(1, 7, "locks = [Lock() for _ in range(200)]")
    for each in range(number):
        lock, time = story.lock(f"{each}", site=site), 10 + 1000 * each
        story.acquire(time, 1001, lock)
        story.wait(time + number - each, 1002, "lock", lock)
        story.release(time + number, 1001, lock)
        story.acquire(time + number, 1002, lock)
        story.release(time + number + 1, 1002, lock)
    return story


def test_a_list_can_be_ordered_by_what_matters() -> None:
    state = many_locks().state
    assert keys_of(locks.PANEL, state, 5) == ["/0", "/1", "/2", "/3"]
    by_wait = keys_of(locks.PANEL, state, 5, order={"locks": "time waited"})
    assert by_wait == ["/199", "/198", "/197", "/196"]


def test_what_a_list_is_ordered_by_stands_in_its_rows() -> None:
    state = many_locks().state
    view = View(now=state.now, order={"locks": "time waited"})
    rows = locks.PANEL.draw(state, view, 80, 5)
    assert [row.text.split()[-2:] for row in rows[:2]] == [["199", "ms"], ["198", "ms"]]
    assert "199 ms" not in locks.PANEL.draw(state, View(now=state.now), 80, 5)[0].text


def test_names_are_ordered_with_their_numbers_as_numbers() -> None:
    names = ["locks[10]", "locks[9]", "Gate", "locks[9] #2", "a"]
    assert sorted(names, key=natural) == ["a", "Gate", "locks[9]", "locks[9] #2", "locks[10]"]


@pytest.mark.parametrize(
    ("view", "title"),
    [
        ({}, "200 locks"),
        ({"order": {"locks": "name"}}, "200 locks (by name)"),
        ({"filter": "[17"}, "200 locks (11 of 200)"),
        ({"filter": "[17", "order": {"locks": "name"}}, "200 locks (11 of 200, by name)"),
        ({"filter": "nothing"}, "200 locks (0 of 200)"),
        ({"order": {"locks": "no such order"}}, "200 locks"),
    ],
)
def test_the_title_says_what_is_listed_and_in_what_order(
    view: dict[str, object], title: str
) -> None:
    state = many_locks().state
    assert title_of(locks.PANEL, state, View(**view)) == title  # type: ignore[arg-type]


@pytest.mark.parametrize("panel", ORDERED, ids=lambda panel: panel.name)
def test_every_order_lists_all_and_comes_round(panel: Panel) -> None:
    stories = (counter(), factory(), pool_map(), stages(), talk(), shared())
    listing, view = panel.listing, View()
    assert listing is not None
    names = []
    while (name := listing.next_order(view, panel.name)) != "":
        names.append(name)
        view.order[panel.name] = name
        for story in stories:
            state = story.state
            listed = listing.listed(state, view, panel.name)
            assert len(listed) == len(listing.items(state, view))
    assert names == [order.name for order in listing.orders]


def sampled() -> RunState:
    """Three processes that use 10, 90 and 50 percent of a core; the first starts the others."""
    story = Story()
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2", parent=1001)
    story.sample(100, [90.0, 50.0], {MAIN: (0, 10.0), 1001: (0, 90.0), 1002: (1, 50.0)})
    return story.state


def test_ordered_processes_are_a_plain_list_with_a_sign_at_the_heading() -> None:
    state = sampled()
    assert keys_of(processes.PANEL, state) == ["1000", "1001", "1002"]
    view = View(now=state.now, order={"processes": "cpu"})
    rows = processes.PANEL.draw(state, view, 120, 12)
    assert [row.key for row in rows[1:]] == ["1001", "1002", "1000"]
    assert "cpu▾" in rows[0].text
    assert all(row.text[5] != " " for row in rows[1:])


def test_processes_are_ordered_by_longest_wait_those_without_one_last() -> None:
    story = Story()
    for number in range(1, 4):
        story.start(4 + number, 1000 + number, f"Process-{number}")
    story.wait(20, 1003, "lock", "a")
    story.wait(30, 1002, "lock", "a")
    listed = keys_of(processes.PANEL, story.state, order={"processes": "longest wait"})
    assert listed == ["1003", "1002", "1000", "1001"]


def test_the_selected_process_is_in_sight_until_a_person_scrolls() -> None:
    story = Story()
    for number in range(1, 61):
        story.start(4 + number, 1000 + number, f"Process-{number}")
    state = story.state
    assert "1050" not in keys_of(processes.PANEL, state, 10)
    assert "1050" in keys_of(processes.PANEL, state, 10, selected="1050")
    assert "1050" not in keys_of(
        processes.PANEL, state, 10, selected="1050", scroll={"processes": 0}
    )
    (timeline,) = [panel for panel in PANELS if panel.name == "timeline"]
    assert "1050" not in keys_of(timeline, state, 10)
    assert "1050" in keys_of(timeline, state, 10, selected="1050")
