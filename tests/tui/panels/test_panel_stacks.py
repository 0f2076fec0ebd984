"""The threads of a process on screen: their names, with a look at their stacks and without."""

from __future__ import annotations

from helpers.panels import text_of
from helpers.story import ANNA, MAIN, VIEWER, Story, process_sample
from mpviz.trace.model.events import Sample, ThreadSample
from mpviz.trace.model.primitives.thread import ThreadStarted
from mpviz.trace.model.processes.looks import KernelThread, StacksRead, ThreadStack
from mpviz.tui.panels.stacks import PANEL
from mpviz.tui.render.states import MOST_NAMES, in_words

NUMBER, IDENT = 2001, 0x7F00_0000_2000


def with_a_thread() -> Story:
    story = Story()
    story.start(1, ANNA, "anna", function="work")
    known = {"name": "loader", "daemon": True, "own": True}
    story.tell(2, ANNA, ThreadStarted, native=NUMBER, thread=IDENT, **known)
    threads = [ThreadSample(ANNA, 1.5, "R", "python"), ThreadSample(NUMBER, 0.25, "S", "python")]
    process = process_sample(ANNA, status="R", cpu_percent=50.0, listed=2, threads=threads)
    story.tell(100, VIEWER, Sample, cores=[0, 0], processes=[process_sample(MAIN), process])
    return story


def test_the_threads_of_a_selected_process_are_told_before_any_look() -> None:
    shown = text_of(PANEL, with_a_thread().state, selected=str(ANNA))
    assert "main thread  1.50 s of CPU\nthread loader  0.25 s of CPU" in shown


def test_a_stack_without_a_name_gets_that_of_its_thread() -> None:
    # Before Python 3.14, Python writes no names.
    story = with_a_thread()
    frame = ("/program.py", 12, "load")
    story.tell(
        200,
        VIEWER,
        StacksRead,
        child=ANNA,
        listed=2,
        threads=[ThreadStack(IDENT, "", [frame]), ThreadStack(1, "", [frame])],
        kernel=[
            KernelThread(ANNA, 1, "python", 1.5, "", ""),
            KernelThread(NUMBER, IDENT, "python", 0.25, "", "read, a pipe"),
        ],
    )
    shown = text_of(PANEL, story.state, selected=str(ANNA))
    assert "thread loader  in read, a pipe; 0.25 s of CPU" in shown
    (entry,) = (each for each in story.document()["processes"] if each["pid"] == ANNA)
    assert [(each["name"], each["call"], each["line"]) for each in entry["threads"]] == [
        ("python", None, 12),
        ("loader", "read, a pipe", 12),
    ]
    assert [each["name"] for each in entry["stacks"]["threads"]] == ["loader", ""]


def test_the_row_of_a_process_names_the_threads_of_the_program() -> None:
    story = with_a_thread()
    anna = story.process(ANNA)
    assert in_words(story.state, anna) == [
        "running work; thread loader",
        "running work",
        "running",
    ]
    for number in range(MOST_NAMES):
        known = {"name": f"t{number}", "daemon": True, "own": True}
        story.tell(110, ANNA, ThreadStarted, native=3000 + number, thread=1 + number, **known)
    handler = {"name": "QueueFeederThread", "daemon": True, "own": False}
    story.tell(120, ANNA, ThreadStarted, native=4000, thread=99, **handler)
    assert in_words(story.state, anna)[0] == "running work; threads loader, t0, t1 and 1 more"
