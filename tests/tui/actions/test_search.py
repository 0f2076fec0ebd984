"""Finding a line or a process: the next one from where a person is, and round again."""

from __future__ import annotations

import pytest

from mpviz.trace.model.events import Site
from mpviz.trace.model.state import OutputLine, RunState
from mpviz.tui.actions.navigation import find_line
from mpviz.tui.panels import output
from mpviz.tui.panels.source import make_panel
from mpviz.tui.render.view import View
from mpviz.tui.source_files import Source, highlighted

source = make_panel(
    lambda file: Source(highlighted("\n".join(f"step_{n} = {n % 7}" for n in range(100))))
)


def written(*texts: str, before: int = 0) -> RunState:
    """A run that wrote these lines, and so many before them that are no longer kept."""
    state = RunState(output_lines=before + len(texts))
    state.output.extend(OutputLine(0, "", "stdout", text, True) for text in texts)
    return state


def found(view: View, state: RunState, text: str, *, again: bool = False) -> int | None:
    find_line(state, view, output.PANEL, text, 3, again)
    return view.found.get("output")


@pytest.mark.parametrize("before", [0, 1000])
def test_a_search_goes_up_from_the_newest_line_and_round(before: int) -> None:
    state, view = written("a1", "b", "A2", "b", before=before), View()
    assert found(view, state, "a") == before + 2
    assert found(view, state, "a2") == before + 2
    assert found(view, state, "a", again=True) == before
    assert found(view, state, "a", again=True) == before + 2


def test_what_was_found_is_in_sight_and_stays_there_while_more_is_written() -> None:
    state, view = written("wanted", *("other",) * 50), View()
    assert found(view, state, "want") == 0
    rows = output.PANEL.draw(state, view, 40, 5)
    assert "wanted" in rows[0].text
    assert all("selected" in style for _, style in rows[0].parts)
    state.output.append(OutputLine(0, "", "stdout", "more", True))
    state.output_lines += 1
    assert "wanted" in output.PANEL.draw(state, view, 40, 5)[0].text


def test_a_search_in_the_source_goes_down_from_line_to_line() -> None:
    state, view = RunState(), View()
    state.sites[1] = Site(time=0, pid=1, site=1, file="program.py", line=3, function="f")
    for again, number in ((False, 4), (True, 11), (True, 18), (False, 18)):
        assert find_line(state, view, source, "= 4", 6, again)
        rows = source.draw(state, view, 60, 6)
        (row,) = [row for row in rows if f"step_{number} " in row.text]
        assert any("selected" in style for _, style in row.parts)


@pytest.mark.parametrize("text", ["", "nowhere"])
def test_nothing_is_found_where_there_is_nothing(text: str) -> None:
    for state in (written("a"), RunState()):
        view = View(scroll={"output": 3})
        assert found(view, state, text) is None
        assert view.scroll == {"output": 3}
