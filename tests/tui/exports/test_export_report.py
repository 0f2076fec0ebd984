"""The report and the picture: what they say of a run, and that they are only what they say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from copy import copy
from html.parser import HTMLParser
from pathlib import Path

import pytest

from helpers.recordings import recorded
from helpers.story import Story
from mpviz.trace.explain.phases import AWAY, PHASE_WORDS, Phase, phases
from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.model.events import Event
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity, Lane
from mpviz.trace.model.primitives.mp_event import EventCreated
from mpviz.trace.model.primitives.value import ValueCreated
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import Recording
from mpviz.tui.exports import core_lack, html, svg
from mpviz.tui.exports.report_stats import Means
from mpviz.tui.exports.shapes import HEIGHT, WIDTH, lane_shapes, level, marks
from mpviz.tui.exports.threads import thread_lanes
from mpviz.tui.render.formatting import percent
from mpviz.tui.talk.plan import BUILT_IN

MS = 1_000_000
SVG = "{http://www.w3.org/2000/svg}"

Writer = Callable[[Passage, Write], list[str]]


def made(write: Writer, folder: Path, events: list[Event]) -> tuple[str, RunState]:
    recording = Recording(recorded(folder, events))
    passage = Passage(recording)
    pieces: list[str] = []
    write(passage, pieces.append)
    recording.close()
    return "".join(pieces), passage.state


class Page(HTMLParser):
    """Reads a page: whether its tags are closed in order, what it asks for, and what it says."""

    EMPTY = ("meta", "link", "br", "hr", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def assert_it_asks_for_nothing(page: Page) -> None:
    """No script, no address that a browser would open by itself, no handler."""
    assert page.open == []
    assert not {"script", "iframe", "object", "embed", "img", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on"), name
        if name in ("href", "src"):
            assert value == "data:,"
    assert page.tags.count("link") == 1


def test_the_report_says_what_happened(tmp_path: Path, stream: list[Event]) -> None:
    text, state = made(html.write, tmp_path, stream)
    page = Page(text)
    assert_it_asks_for_nothing(page)
    for words in ("counting.py", "Findings", "Timeline", "Where the time went", "Locks"):
        assert words in page.text
    for process in state.processes.values():
        assert process.name in page.text
    assert "http" not in text.replace("http-equiv", "")


def test_the_report_has_a_line_for_each_object_of_any_primitive(
    tmp_path: Path, stream: list[Event]
) -> None:
    at = next(at for at, event in enumerate(stream) if isinstance(event, ValueCreated))
    created = EventCreated(time=stream[at].time, pid=stream[at].pid, object="E")
    text, _ = made(html.write, tmp_path, [*stream[: at + 1], created, *stream[at + 1 :]])
    assert "event Event 1: set 0 times, 0 waits, 0 ms waited in all" in Page(text).text


def test_the_picture_is_xml_with_a_lane_for_each_process(
    tmp_path: Path, stream: list[Event]
) -> None:
    text, state = made(svg.write, tmp_path, stream)
    root = ET.fromstring(text)
    words = [element.text for element in root.iter(f"{SVG}text")]
    for process in state.processes.values():
        assert process.name in words
    assert not list(root.iter(f"{SVG}script"))


HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style><img src=x onerror=alert(1)>",
    "\"' onload='alert(1)",
    "\x1b[31mred\x1b]0;title\x07",
    "&lt;b&gt; & <b>",
    "]]>-->{{7*7}}",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_shown(tmp_path: Path, stream: list[Event], name: str) -> None:
    events = [_renamed(event, name) for event in stream]
    text, _ = made(html.write, tmp_path, events)
    assert_it_asks_for_nothing(Page(text))
    assert "\x1b" not in text
    picture, state = made(svg.write, tmp_path, events)
    root = ET.fromstring(picture)
    assert not list(root.iter(f"{SVG}script"))
    assert any(process.name != "MainProcess" for process in state.processes.values())


def _renamed(event: Event, name: str) -> Event:
    event = copy(event)
    for field in ("name", "function", "target", "code", "text", "command", "kind"):
        if isinstance(getattr(event, field, None), str):
            setattr(event, field, name)
    return event


def test_the_time_of_every_worker_and_of_all_fills_its_bar(
    tmp_path: Path, stream: list[Event]
) -> None:
    text, state = made(html.write, tmp_path, stream)
    found = phases(state)
    for worker in found.workers:
        assert described(worker.process) in text
    whole = found.wall * len(found.workers)
    for phase in Phase:
        if found.total[phase] and phase not in AWAY:
            share = percent(found.total[phase] / whole).strip()
            words = f"{PHASE_WORDS[phase]}: {duration(found.total[phase])}, {share}"
            assert f"<title>{words}</title>" in text


# Shapes


def lane_of(*spans: tuple[int, Activity]) -> Process:
    """A process that began each of these at its millisecond."""
    process = Process("1", 1, 1, 0, name="Process-1", lane=Lane())
    for time, activity in spans:
        process.lane.change(time * MS, activity)
    return process


def shapes(process: Process, start: int, end: int) -> ET.Element:
    state = RunState(now=end * MS)
    return ET.fromstring(f"<g>{lane_shapes(state, process, start * MS, end * MS)}</g>")


def test_a_span_is_a_block_as_long_as_it_took_and_as_high_as_its_kind() -> None:
    process = lane_of((0, Activity.RUNNING), (40, Activity.LOCK), (90, Activity.IDLE))
    blocks = [
        (block.get("class"), float(block.get("x", "")), float(block.get("width", "")))
        for block in shapes(process, 0, 100)
    ]
    assert blocks == [
        ("a-running", 0, 0.4 * WIDTH),
        ("a-lock", 0.4 * WIDTH, 0.5 * WIDTH),
        ("a-idle", 0.9 * WIDTH, 0.1 * WIDTH),
    ]
    heights = [float(block.get("height", "")) for block in shapes(process, 0, 100)]
    assert heights == [HEIGHT, level(Activity.LOCK), level(Activity.IDLE)]


def test_what_cannot_be_told_apart_is_drawn_by_its_shares() -> None:
    turns = [(n, (Activity.RUNNING, Activity.LOCK)[n % 2]) for n in range(10_000)]
    paths = list(shapes(lane_of(*turns), 0, 10_000))
    columns = {
        path.get("class"): (path.get("d") or "").count("M") for path in paths if path.tag == "path"
    }
    assert columns == {"a-running": WIDTH, "a-lock": WIDTH}


def test_nothing_is_drawn_after_the_end() -> None:
    process = lane_of((0, Activity.RUNNING), (50, Activity.ENDED))
    process.ended = 50 * MS
    (block,) = shapes(process, 0, 100)
    assert float(block.get("width", "")) == 0.5 * WIDTH


@pytest.mark.parametrize("length", [1, 999, 10_000_000, 5_600_000_000, 86_400_000_000_000])
def test_marks_of_time_are_round_and_few(length: int) -> None:
    found = list(marks(0, length))
    assert 1 <= len(found) <= 7
    assert found[0] == (0, "0")
    assert all(0 <= share < 1 for share, _ in found)


def test_means_stay_means_however_many_samples_there_are() -> None:
    means = Means()
    for number in range(Means.LIMIT * 8):
        means.add(number, number % 2, 1.0)
    assert len(means.times) < Means.LIMIT
    assert set(means.values) == {(0.5, 1.0)}
    assert means.times == sorted(means.times)


@pytest.mark.parametrize("write", [svg.write, html.write])
def test_threads_have_lanes_with_their_shares_and_results_stay(write: Writer) -> None:
    recording = Recording(BUILT_IN.with_name("recordings") / "gil.jsonl.gz")
    passage = Passage(recording)
    pieces: list[str] = []
    write(passage, pieces.append)
    recording.close()
    drawn = "".join(pieces)
    process = passage.state.processes[passage.state.main]
    start, end = svg.stretch_of(passage.state)
    lanes = thread_lanes(process, start, end)
    assert [lane.name for lane in lanes] == ["main thread", *(f"thread {n}" for n in range(1, 5))]
    for lane in lanes:
        assert lane.name in drawn
        assert lane.shapes in drawn
        assert f"{lane.share:.0%} of a core" in drawn
    assert "sequence 1.00x, threads" in drawn
    # None but the main process works in threads.
    others = [each for each in passage.state.processes.values() if each is not process]
    assert not any(thread_lanes(each, start, end) for each in others)


def test_a_thread_s_lane_is_as_high_as_its_share_of_a_core() -> None:
    story = Story()
    story.start(0, 1001, "worker-1")
    process = story.process(1001)
    start = process.first_seen
    for number in (7, 8):
        thread = KnownThread(number, start, f"Thread-{number}", own=True)
        thread.times.add(start, start + 1000 * MS, 500 * MS, 0)
        thread.times.add(start + 1000 * MS, start + 2000 * MS, 0, 1000 * MS)
        thread.note_busy(start + 2000 * MS)
        process.threads.living[number] = thread
    (first, second) = thread_lanes(process, start, start + 2000 * MS)
    assert first.shapes == second.shapes
    assert f'd="M0 {HEIGHT // 2}h{WIDTH // 2}v{HEIGHT // 2}h-{WIDTH // 2}z"' in first.shapes
    assert f'class="{core_lack.CLASS}" d="M{WIDTH // 2} 0h{WIDTH // 2}' in first.shapes
