"""Work without a core and the parts of a program, in pictures and reports."""

from helpers.story import MAIN, MS, Story
from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.processes.core_times import CoreTimes
from mpviz.tui.exports.core_lack import CLASS, WORDS, lack_shapes
from mpviz.tui.exports.svg import picture

START = Story().state.origin


def lacking(share: float) -> CoreTimes:
    times = CoreTimes()
    times.add(START, START + 1000 * MS, round(1000 * MS * (1 - share)), round(1000 * MS * share))
    return times


def test_three_quarters_without_a_core_are_three_quarters_of_the_height() -> None:
    span = Span(START, START + 1000 * MS, Activity.RUNNING, "")
    path = lack_shapes(lacking(0.75), span, (0.0, 1000 / (1000 * MS)), 100)
    assert path == f'<path class="{CLASS}" d="M0.0 0h1000.0v75h-1000.0z"/>'


def test_waits_and_work_with_a_core_are_left_alone() -> None:
    place = (0.0, 1e-6)
    span = Span(START, START + 1000 * MS, Activity.LOCK, "")
    assert not lack_shapes(lacking(0.75), span, place, 100)
    assert not lack_shapes(lacking(0.05), span._replace(activity=Activity.TASK), place, 100)
    assert not lack_shapes(CoreTimes(), span._replace(activity=Activity.TASK), place, 100)


def test_the_picture_says_it_in_words_and_names_the_parts() -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    story.output(100, MAIN, "## <load>")
    story.output(600, MAIN, "## train")
    state = story.state_at(1000)
    assert WORDS not in "".join(picture(state))
    story.process(1001).core_times = lacking(0.5)
    drawn = "".join(picture(state))
    assert f">{WORDS}</text>" in drawn
    assert f'<path class="{CLASS}"' in drawn
    assert ">&lt;load&gt;</text>" in drawn
    assert ">train</text>" in drawn
