"""The panels of output, log and source, drawn from golden runs and read as text."""

import pytest

from helpers.panel_stories import counter, held, spoken
from helpers.panels import rows_of, styles_of, text_of
from helpers.story import Story, moment
from mpviz.tui.panels import (
    log,
    output,
)
from mpviz.tui.panels.source import make_panel, short_path
from mpviz.tui.render.view import View
from mpviz.tui.source_files import Source, highlighted


def test_output_ends_at_the_bottom_and_tells_stderr_by_a_sign() -> None:
    rows = rows_of(output.PANEL, spoken().state, 60, 3)
    assert [row.text.rstrip() for row in rows] == ["●1 │ line 18", "●1 │ line 19", "●M ! it broke"]
    assert output.title(spoken().state, View()) == "output, 21 lines"


def test_output_scrolls_up_and_filters() -> None:
    state = spoken().state
    rows = rows_of(output.PANEL, state, 60, 3, scroll={"output": 5})
    assert [row.text.strip() for row in rows] == ["●1 │ line 14", "●1 │ line 15", "▾ 5 newer"]
    assert "line 7" in text_of(output.PANEL, state, filter="line 7")
    assert text_of(output.PANEL, state, filter="main") == "●M ! it broke"


def test_output_shows_markup_and_wide_text_as_it_is() -> None:
    story = spoken()
    story.output(50, 1001, "[bold]日本語[/bold] 🎉")
    story.output(51, 1001, "世" * 4000)
    rows = rows_of(output.PANEL, story.state, 40, 2)
    assert "[bold]日本語[/bold] 🎉" in rows[0].text
    assert rows[1].text.startswith("●1 │ 世世")


def test_the_log_tells_what_happened_with_trouble_in_red() -> None:
    rows = rows_of(log.PANEL, counter(ended=True).state, 90, 20)
    text = "\n".join(row.text for row in rows)
    assert "MainProcess starts Process-1 (1001, fork)" in text
    assert "! Process-4 ended by SIGKILL" in text
    assert styles_of(rows, "ended by SIGKILL") == {"trouble"}
    assert styles_of(rows, "exit code 0") == {""}


def test_every_record_can_be_read() -> None:
    story = held()
    story = held(signal=True)
    text = text_of(log.PANEL, story.state, 110, 40, all_events=True)
    assert "Process-2 lock.acquired counter" in text
    assert "Process-1 wait counter what=lock" in text
    assert "MainProcess wait Process-1 what=process" in text
    assert "MainProcess process.signalled child=Process-1 SIGTERM" in text
    story.exit(500, 1001, 0)
    text = text_of(log.PANEL, story.state, 110, 40, all_events=True)
    assert "process.exited child=Process-1 exit_code=0" in text


def test_every_record_can_be_filtered() -> None:
    text = text_of(log.PANEL, held().state, 110, 40, all_events=True, filter="lock.acq")
    assert len(text.splitlines()) == 1


PROGRAM = "\n".join(f"step_{number} = {number}" for number in range(1, 101))


def at_lines() -> Story:
    story = held()
    for number in (40, 41, 42):
        story.site(number, number)
    story.events = [event for event in story.events if event.time < moment(8)]
    story.acquire(10, 1002, "/counter", site=41)
    story.wait(12, 1001, "lock", "/counter", site=40)
    return story


source = make_panel(lambda file: Source(highlighted(PROGRAM) if file == "counter.py" else ()))


def test_the_source_shows_who_is_at_which_line_and_who_waits() -> None:
    rows = rows_of(source, at_lines().state, 80, 12)
    waiting = next(row for row in rows if "step_40" in row.text)
    working = next(row for row in rows if "step_41" in row.text)
    assert "●1▷ " in waiting.text
    assert "●2▶ " in working.text
    assert source.title(at_lines().state, View()) == "source, counter.py:40"


def test_the_source_keeps_the_busy_lines_in_sight_and_has_colours() -> None:
    for height in (3, 5, 9, 16, 40):
        rows = rows_of(source, at_lines().state, 80, height)
        assert any("step_40" in row.text for row in rows)
    assert styles_of(rows, "40") & {"code.number", "strong"}


def test_the_source_can_be_scrolled_and_follows_the_selected() -> None:
    state = at_lines().state
    rows = rows_of(source, state, 80, 5, scroll={"source": 9})
    assert "step_10 " in rows[0].text
    rows = rows_of(source, state, 80, 5, selected="1002")
    chosen = next(row for row in rows if "step_41" in row.text)
    assert all("selected" in style for _, style in chosen.parts)


def test_an_unreadable_file_says_so() -> None:
    silent = make_panel(lambda file: Source((), error="No such file or directory"))
    (row,) = rows_of(silent, at_lines().state, 60, 5)
    assert row.text.strip() == "counter.py cannot be read: No such file or directory"


@pytest.mark.parametrize(("then", "now", "changed"), [(7, 7, False), (7, 8, True), (0, 8, False)])
def test_a_file_that_was_changed_since_says_so(then: int, now: int, changed: bool) -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    story.wait(8, 1001, "lock", "no lock", site=story.site(1, 40, checksum=then))
    edited = make_panel(lambda file: Source(highlighted(PROGRAM), now))
    rows = rows_of(edited, story.state, 80, 12)
    assert ("the file has changed since" in rows[0].text) == changed
    assert any("step_40" in row.text for row in rows)
    assert len(rows) == 12


def test_a_file_has_its_path_within_the_program() -> None:
    story = Story()
    for number, file in enumerate(
        ("/home/me/bank/main.py", "/home/me/bank/ledger/account.py", "/usr/lib/python3.11/queue.py")
    ):
        story.site(number + 1, 3, file=file)
    state = story.state
    paths = {
        file: short_path(state, file)
        for file in (
            "/home/me/bank/main.py",
            "/home/me/bank/ledger/account.py",
            "/venv/lib/python3.11/site-packages/library/wait.py",
            "/usr/lib/python3.11/queue.py",
            "/elsewhere/other.py",
        )
    }
    assert list(paths.values()) == [
        "main.py",
        "ledger/account.py",
        "library/wait.py",
        "queue.py",
        "other.py",
    ]
