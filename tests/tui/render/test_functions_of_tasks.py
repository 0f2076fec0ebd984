"""Where a pool runs several functions, each has a colour, and its tasks say its name."""

from helpers.story import Story
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.timeline import PANEL
from mpviz.tui.render.lanes.tasks import COLOURS, functions_in
from mpviz.tui.render.view import View


def running(*names: str) -> RunState:
    """A worker that runs a task of each of these functions, one after the other."""
    story = Story("pool")
    pool = story.pool(2, [1001])
    for job, name in enumerate(names, 1):
        story.submit(3 + job, pool, job, 1, function=name)
    for job, name in enumerate(names, 1):
        start = 20 + 150 * (job - 1)
        story.task(start, 1001, pool, job, 0, until=start + 149, function=name)
    return story.state_at(20 + 150 * len(names))


def drawn(state: RunState) -> tuple[str, set[str], str]:
    """The middle row of the worker's lane, its styles, and the legend."""
    rows = PANEL.draw(state, View(now=state.now), 160, 12)
    lane = next(row for row in rows if row.key == "1001" and "worker 1" in row.text)
    return lane.text, {style for _, style in lane.parts}, rows[-1].text


def test_two_functions_have_two_colours_and_names() -> None:
    text, styles, legend = drawn(running("load", "square", "load"))
    assert text.count("load 0") == 2
    assert "square 0" in text
    assert {"ink on activity.task", "ink on activity.task.2.shade"} <= styles
    assert "█ load   █ square" in legend
    assert "task" not in legend


def test_one_function_has_the_colour_of_tasks_and_no_name() -> None:
    text, styles, legend = drawn(running("square", "square"))
    assert "square" not in text
    assert not any("activity.task.2" in style for style in styles)
    assert "█ running a task" in legend


def test_functions_behind_the_last_colour_share_it() -> None:
    state = running(*(f"f{number}" for number in range(COLOURS + 3)))
    assert max(functions_in(state).values()) == COLOURS - 1
    _, _, legend = drawn(state)
    assert "█ f0   █ f1   █ f2   █ others" in legend
