"""The panels of all programs, processes and cores, drawn from golden runs and read as text."""

import pytest

from helpers.panel_stories import (
    counter,
    factory,
    held,
    pool_map,
    racing,
    shared,
    spoken,
    stages,
    talk,
)
from helpers.panels import rows_of, styles_of, text_of
from helpers.story import Story
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import (
    PANELS,
    cores,
    output,
    processes,
    values,
)
from mpviz.tui.render.view import View


def test_every_panel_has_a_name_a_help_and_an_empty_state() -> None:
    state = RunState()
    assert len({panel.name for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        rows = panel.draw(state, View(), 60, 5)
        assert len(rows) == 1
        assert rows[0].text.strip().split()[0] in ("no", "nothing")
        assert len(panel.help) > 80
        assert panel.title(state, View())
        assert panel.wanted_height(state, View()) >= 1


def test_panels_are_there_only_for_what_the_program_uses() -> None:
    used = {panel.name for panel in PANELS if panel.used(counter().state)}
    assert {"cores", "processes", "timeline", "locks", "values"} <= used
    assert (
        not {"tasks", "queues", "synchronization", "pipes", "managers", "memory", "findings"} & used
    )
    assert {"tasks"} <= {panel.name for panel in PANELS if panel.used(pool_map().state)}
    assert {"queues"} <= {panel.name for panel in PANELS if panel.used(factory().state)}
    assert {"synchronization"} <= {panel.name for panel in PANELS if panel.used(stages().state)}
    assert {"pipes"} <= {panel.name for panel in PANELS if panel.used(talk().state)}
    assert {"managers", "memory"} <= {panel.name for panel in PANELS if panel.used(shared().state)}


def test_a_waiting_process_says_for_what_who_holds_it_and_for_how_long() -> None:
    text = text_of(processes.PANEL, held().state_at(1312), 110)
    assert "waiting for lock counter, held by Process-2" in text
    assert "1.3 s" in text
    assert "waiting to join Process-1" in text


def test_a_signal_without_effect_is_said() -> None:
    rows = rows_of(processes.PANEL, held(signal=True).state_at(2500), 150)
    assert "held by Process-2  SIGTERM sent 2.1 s ago" in rows[2].text
    assert styles_of(rows, "SIGTERM") == {"warning"}
    assert "SIGTERM" in text_of(processes.PANEL, held(signal=True).state_at(2500), 60)


def test_the_tree_indents_children_and_marks_daemons() -> None:
    lines = text_of(processes.PANEL, held().state_at(100)).splitlines()
    assert lines[1].startswith(" ●M MainProcess")
    assert lines[2].startswith(" ●1   Process-1")
    assert lines[3].startswith(" ●2   Process-2 d ")
    wide = text_of(processes.PANEL, held().state_at(100), 120).splitlines()
    assert wide[3].startswith(" ●2   Process-2 daemon ")


@pytest.mark.parametrize(
    ("width", "there", "gone"),
    [
        (40, (), ("cpu", "pid", "memory", "core", "start")),
        (70, ("cpu",), ("memory", "core", "start")),
        (90, ("cpu", "pid", "memory"), ("start",)),
        (120, ("cpu", "pid", "memory", "core", "start"), ()),
    ],
)
def test_columns_go_in_order_as_the_width_shrinks(
    width: int, there: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    heading = rows_of(processes.PANEL, counter().state, width)[0].text.split()
    assert [word for word in there if word not in heading] == []
    assert [word for word in gone if word in heading] == []


def test_words_get_shorter_before_they_are_cut() -> None:
    for width in range(40, 121):
        text = text_of(processes.PANEL, held().state_at(1312), width)
        assert "…" not in text


def test_ended_processes_are_dim_and_below_the_living() -> None:
    story = Story()
    for number in range(1, 6):
        story.start(4 + number, 1000 + number, f"Process-{number}")
    story.exit(50, 1001, 0)
    story.exit(51, 1002, -9)
    story.exit(52, 1003, 3)
    rows = rows_of(processes.PANEL, story.state_at(60), 100)
    assert [row.key for row in rows[1:]] == ["1000", "1004", "1005", "1001", "1002", "1003"]
    assert "exit code 0" in rows[4].text
    assert styles_of(rows, "exit code 0") == {"faint"}
    assert "ended by SIGKILL" in rows[5].text
    assert styles_of(rows, "SIGKILL") == {"trouble"}
    assert styles_of(rows, "exit code 3") == {"trouble"}


def test_a_termination_that_was_asked_for_is_no_trouble() -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    story.signal(20, 1001, 15)
    story.exit(22, 1001, -15)
    rows = rows_of(processes.PANEL, story.state_at(60), 100)
    assert styles_of(rows, "ended by SIGTERM") == {"faint"}


def test_two_hundred_ended_processes_do_not_hide_the_living() -> None:
    story = Story()
    for number in range(1, 204):
        story.start(4 + number, 1000 + number, f"Process-{number}")
        if number <= 200:
            story.exit(300 + number, 1000 + number)
    rows = rows_of(processes.PANEL, story.state_at(900), 100, 10)
    assert [row.key for row in rows[1:5]] == ["1000", "1201", "1202", "1203"]
    assert "▾ 196 more, all ended" in rows[-1].text
    scrolled = rows_of(processes.PANEL, story.state_at(900), 100, 10, scroll={"processes": 50})
    assert "50 above" in scrolled[-1].text


def test_the_selected_process_is_set_apart_in_the_whole_row() -> None:
    rows = rows_of(processes.PANEL, held().state_at(100), 100, selected="1002")
    chosen = next(row for row in rows if row.key == "1002")
    assert chosen.text.startswith("▸")
    assert all(style.endswith("selected") for _, style in chosen.parts)


def test_the_filter_lists_matches_only() -> None:
    rows = rows_of(processes.PANEL, held().state_at(100), 100, filter="PROCESS-2")
    assert [row.key for row in rows[1:]] == ["1002"]
    for width, said in (
        (80, 'no process matches the filter "zzz": esc'),
        (26, '"zzz"? esc clears it'),
    ):
        assert said in text_of(processes.PANEL, held().state, width, filter="zzz")


def test_helpers_are_dim_and_last() -> None:
    story = held()
    story.sample(20, [1.0], {1001: (0, 2.0), 1002: (0, 1.0), 1500: (0, 0.0)})
    state = story.state_at(100)
    helper = state.processes["1500"]
    helper.role = helper.name = "resource tracker"
    rows = rows_of(processes.PANEL, state, 100)
    assert rows[-1].key == "1500"
    assert ("●R", "process.4") in rows[-1].parts
    assert styles_of(rows, "resource tracker") == {"faint"}


def test_the_title_counts() -> None:
    assert processes.title(held().state, View()) == "3 processes, 2 waiting"
    assert processes.title(counter(ended=True).state, View()) == "5 ended"


def sampled(number: int = 4) -> RunState:
    story = Story(cores=number)
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    for time in range(100, 1100, 100):
        story.sample(
            time,
            [90.0, 50.0, *[5.0] * (number - 2)],
            {1001: (0, 60.0), 1002: (1, 20.0)},
        )
    return story.state


def test_a_core_has_its_bar_percent_and_tags() -> None:
    rows = rows_of(cores.PANEL, sampled(), 60, 5)
    assert rows[0].text.startswith("0 ████")
    assert " 90% ●1" in rows[0].text
    assert " 50% ●2" in rows[1].text
    assert "●" not in rows[2].text
    assert ("█" * 10, "process.2") in [(text[:10], style) for text, style in rows[0].parts]
    assert "░" in rows[0].text


def test_where_there_is_room_the_cores_are_higher_and_named_once() -> None:
    low, high = (rows_of(cores.PANEL, sampled(2), 80, height) for height in (3, 10))
    drawn = [row.text.rstrip() for row in high]
    assert [line[:3] for line in drawn] == [
        *("  █", "0 █", "  █", ""),
        *("  █", "1 █", "  █", "  █"),
    ]
    assert drawn[1][:40] == low[0].text[:40]
    assert [line.count("●1") for line in drawn].count(1) == 1


def test_observed_and_other_are_as_long_as_their_shares() -> None:
    bar = rows_of(cores.PANEL, sampled(), 40)[0].text
    observed, other = bar.count("█"), bar.count("░")
    width = observed + other + bar.count("·")
    assert observed == pytest.approx(0.6 * width, abs=1)
    assert other == pytest.approx(0.3 * width, abs=1)


def test_history_is_coloured_by_who_used_the_core_most() -> None:
    rows = rows_of(cores.PANEL, sampled(), 80, 5)
    assert rows[0].parts[-2][1] == "process.2"
    assert rows[1].parts[-2][1] == "other"


@pytest.mark.parametrize(("width", "height"), [(40, 6), (40, 3), (76, 8), (200, 12)])
def test_sixty_four_cores_fit(width: int, height: int) -> None:
    rows = rows_of(cores.PANEL, sampled(64), width, height)
    assert len(rows) <= height
    text = " ".join(row.text for row in rows)
    assert "●1" in text
    if "busy" in text:
        assert "2 of 64 busy" in text
    else:
        assert " 63 " in text


def test_the_title_counts_the_cores() -> None:
    assert cores.title(sampled(), View()) == "4 cores"


def test_cores_that_the_program_may_not_use_are_marked_and_not_counted_as_its_own() -> None:
    state = sampled()
    state.cores.allowed, state.cores.count = frozenset({0, 2}), 2
    rows = rows_of(cores.PANEL, state, 80, 5)
    assert [row.text[:2] for row in rows[:4]] == ["0 ", "1-", "2 ", "3-"]
    assert "- not for the program" in rows[4].text
    assert cores.title(state, View()) == "4 cores, 2 for the program"


def test_the_cores_say_that_other_programs_have_most_of_them() -> None:
    story = Story(cores=2)
    story.start(5, 1001, "Process-1")
    for time in (100, 200, 300):
        story.sample(time, [100.0, 90.0], {1001: (0, 60.0)})
    assert "other programs have 65%" in text_of(cores.PANEL, story.state)
    assert "other programs" not in text_of(cores.PANEL, sampled())


def test_infinities_nan_and_unknown_values_are_drawn() -> None:
    story = racing()
    for time, content in enumerate((float("inf"), float("nan"), -3.5, 2**64 - 1, None, b"x".hex())):
        story.write(20 + time, 1001, "counter", content, 0)
        assert rows_of(values.PANEL, story.state, 60, 6)


def test_output_that_went_past_mpviz_is_not_told_as_nothing() -> None:
    state = spoken().state
    state.output.clear()
    assert state.run is not None
    state.run.captured = False
    assert "the output went past mpviz" in text_of(output.PANEL, state)


def test_the_output_of_a_program_that_ran_before_goes_elsewhere() -> None:
    state = spoken().state
    state.output.clear()
    assert state.run is not None
    state.run.attached = 10
    assert "goes where it went before" in text_of(output.PANEL, state)
    assert "flush" not in text_of(output.PANEL, state)


def test_cores_that_a_system_does_not_tell_of_are_said_to_be_unknown() -> None:
    state = counter().state
    state.cores.history.append((state.now, []))
    assert "does not say how its cores are used" in text_of(cores.PANEL, state)
