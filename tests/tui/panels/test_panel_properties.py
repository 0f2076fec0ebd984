"""Whatever happened and however small the panel: rows of the right size, and nothing harmful."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from helpers.examples import examples
from helpers.panel_stories import counter, factory, pool_map, shared, stages, talk
from helpers.story import MAIN, Story, moment
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.state import RunState
from mpviz.trace.model.text import clean
from mpviz.tui.panels import PANELS
from mpviz.tui.panels.panel import Panel, title_of
from mpviz.tui.panels.source import make_panel
from mpviz.tui.render.palette import palette
from mpviz.tui.render.view import View
from mpviz.tui.source_files import Source

PIDS = st.sampled_from((MAIN, 1001, 1002, 1003, 1004))
NAMES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ("世" * 60, "🎉[bold]", "e\u0301" * 9, "x" * 4096, "", "lock", "a\x1b[2Jb\r\n")
    ),
).map(clean)
NUMBERS = st.one_of(st.integers(-(2**40), 2**63), st.floats(), st.none(), st.text(max_size=5))
ODD = "●▒█░─═…µ✓✗ \x00\x1b\u202e\u200b日本" + string.ascii_letters
WITHOUT_DISK = tuple(
    make_panel(lambda file: Source(((("code", "code.keyword"), (file, "")),) * 30))
    if panel.name == "source"
    else panel
    for panel in PANELS
)


@st.composite
def stories(draw: st.DrawFn) -> RunState:
    """A random stream: events in any order, about things that may not be there."""
    story = Story(clean(draw(NAMES)), cores=draw(st.integers(1, 70)))
    time = 3.0
    for pid in (1001, 1002, 1003):
        if draw(st.booleans()):
            story.start(time, pid, draw(NAMES), parent=draw(PIDS), method=draw(NAMES))
    objects = [story.lock("lock"), story.queue("queue", draw(st.integers(0, 3)))]
    objects += [story.value("value", 3), story.value("array", None, 5), story.pool(4, [1004])]
    objects += [story.event("event"), story.barrier("barrier", draw(st.integers(1, 200)))]
    objects += [story.condition("condition")]
    story.pipe("left", "right")
    story.pipe(draw(st.sampled_from(("way", "weg"))), "", duplex=False)
    story.serve(4, 1003, "m")
    story.managed(4, "m", draw(NAMES), draw(NAMES))
    story.memory(4, draw(st.sampled_from(("block", "世" * 9))), draw(st.integers(0, 2**50)))
    for _ in range(draw(st.integers(0, 40))):
        time += draw(st.sampled_from((0.0, 0.001, 0.7, 13.0, 900.0)))
        _happen(draw, story, time, objects)
    state = RunState()
    follow(state, story.events)
    return state


def _happen(draw: st.DrawFn, story: Story, time: float, objects: list[str]) -> None:
    pid, other = draw(PIDS), draw(PIDS)
    lock, queue, value, array, pool, event, barrier, condition = objects
    site = story.site(draw(st.integers(1, 9)), draw(st.integers(1, 40)), file=draw(NAMES))
    waits = [("lock", lock), ("put", queue), ("get", queue), ("process", "1002"), ("done", queue)]
    for word, signal in (("event", event), ("barrier", barrier), ("condition", condition)):
        waits += [(word, signal), (f"wake-{word}", signal)]
    end = draw(st.sampled_from(("left", "right", "way", "nowhere")))
    size = draw(st.integers(0, 2**40))
    waits += [("send", end), ("receive", f"{end} way")]
    happenings = [
        lambda: story.wait(
            time, pid, *draw(st.sampled_from((*waits, ("results", f"{pool}/1")))), site
        ),
        lambda: story.go_on(time, pid),
        lambda: story.acquire(time, pid, lock, site),
        lambda: story.release(time, pid, lock),
        lambda: story.put(time, pid, queue),
        lambda: story.get(time, pid, queue),
        lambda: story.read(time, pid, value, draw(NUMBERS)),
        lambda: story.write(time, pid, value, draw(NUMBERS), draw(NUMBERS)),
        lambda: story.write(time, pid, array, draw(NUMBERS), 0, draw(st.integers(0, 4))),
        lambda: story.send(time, pid, end, size),
        lambda: story.receive(time, pid, end, size),
        lambda: story.refuse(time, pid, end, size),
        lambda: story.read_to_end(time, pid, end),
        lambda: story.call(time, pid, draw(NAMES), draw(NAMES)),
        lambda: story.attach(time, pid, draw(st.sampled_from(("psm_block", "psm_other")))),
        lambda: story.detach(time, pid, "psm_block"),
        lambda: story.unlink(time, pid, "psm_block"),
        lambda: story.submit(time, pool, draw(st.integers(0, 3)), draw(st.integers(-1, 500))),
        lambda: story.task(time, pid, pool, draw(st.integers(0, 3)), draw(st.integers(0, 9))),
        lambda: story.task(
            time, pid, pool, 1, draw(st.integers(0, 9)), time + 1, error=draw(NAMES)
        ),
        lambda: story.set(time, pid, event, draw(st.integers(-1, 9))),
        lambda: story.clear(time, pid, event),
        lambda: story.waited(time, pid, event, draw(st.booleans())),
        lambda: story.arrive(time, pid, barrier, draw(st.booleans())),
        lambda: story.leave(time, pid, barrier, draw(st.booleans())),
        lambda: story.breaks(time, pid, barrier, draw(NAMES)),
        lambda: story.notify(time, pid, condition, draw(st.integers(-1, 9))),
        lambda: story.wake(time, pid, condition),
        lambda: story.output(time, pid, draw(NAMES), draw(st.sampled_from(("stdout", "stderr")))),
        lambda: story.signal(
            time, other, draw(st.integers(1, 70)), draw(st.sampled_from((0, pid)))
        ),
        lambda: story.exit(time, pid, draw(st.integers(-70, 255))),
        lambda: story.sample(
            time,
            draw(st.lists(st.floats(0, 120), min_size=1, max_size=70)),
            {pid: (draw(st.integers(-1, 80)), draw(st.floats(0, 300)))},
        ),
        lambda: story.end(time, draw(st.integers(-20, 3))),
    ]
    draw(st.sampled_from(happenings))()


VIEWS = st.builds(
    View,
    selected=st.sampled_from(("", "1001", str(MAIN), "nobody")),
    filter=st.sampled_from(("", "", "lock", "Process", "zzz")),
    span=st.sampled_from((0, 0, 50_000, 20_000_000, 10**12)),
    end=st.sampled_from((-1, -1, moment(0), moment(15), 10**16)),
    order=st.fixed_dictionaries(
        {},
        optional={
            panel.name: st.sampled_from([order.name for order in panel.listing.orders])
            for panel in PANELS
            if panel.listing is not None and panel.listing.orders
        },
    ),
    scroll=st.dictionaries(
        st.sampled_from([panel.name for panel in PANELS]), st.sampled_from((0, 1, 7, 10_000))
    ),
    all_events=st.booleans(),
    ascii=st.booleans(),
)


@pytest.mark.parametrize("panel", WITHOUT_DISK, ids=lambda panel: panel.name)
@examples(60)
@given(
    state=stories(),
    view=VIEWS,
    size=st.tuples(st.integers(10, 220), st.integers(1, 45)),
    late=st.sampled_from((0, 10**6, 10**12)),
)
def test_rows_fit_and_are_harmless(
    panel: Panel, state: RunState, view: View, size: tuple[int, int], late: int
) -> None:
    width, height = size
    view.now = max(0, state.now - late)
    rows = panel.draw(state, view, width, height)
    assert 0 < len(rows) <= height
    for row in rows:
        assert cell_len(row.text) == width
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in row.text)
        if view.ascii:
            assert row.text.isascii()
    assert title_of(panel, state, view)
    assert panel.wanted_height(state, view) >= 1


@pytest.mark.parametrize("panel", WITHOUT_DISK, ids=lambda panel: panel.name)
@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_golden_runs_at_the_usual_sizes(panel: Panel, width: int) -> None:
    styles = palette()
    stories = (counter(), factory(), pool_map(), stages(), talk(), shared())
    for state in (*(story.state for story in stories), RunState()):
        for height in (3, 6, 12, 40):
            rows = panel.draw(state, View(now=state.now, selected="1002"), width, height)
            assert 0 < len(rows) <= height
            for row in rows:
                assert cell_len(row.text) == width
                for _, name in row.parts:
                    assert _is_known(name, styles), name


def _is_known(name: str, styles: dict[str, object]) -> bool:
    """Whether every name in a composed one is the palette's own: a typing error has no style."""
    for part in name.replace(" on ", "+").split("+"):
        known = part in ("", "text", "selected", "selected.lane") or part in styles
        if not known and not part.startswith("process."):
            return False
    return True


@given(st.text(alphabet=ODD, max_size=60), st.integers(10, 60))
def test_odd_output_stays_in_its_row(text: str, width: int) -> None:
    story = Story()
    story.output(3, MAIN, clean(text))
    state = story.state
    for panel in PANELS:
        if panel.name == "output":
            rows = panel.draw(state, View(now=state.now), width, 3)
            assert [cell_len(row.text) for row in rows] == [width]
