"""Styles: readable on every theme, apart from each other, and never made while drawing."""

from itertools import combinations

import pytest
from rich.color import ColorSystem
from rich.style import Style

from mpviz.trace.model.lane import Activity
from mpviz.tui.render.palette import (
    ACTIVITY_LOOKS,
    PROCESS_LOOKS,
    Colours,
    activity_style,
    lane_style,
    palette,
    process_style,
)

BACKGROUNDS = {True: ("#121212", "#1e1e2e", "#002b36"), False: ("#ffffff", "#f5f5f5", "#faf4ed")}
ALL: tuple[Colours, ...] = ("truecolor", "256", "16", "none")


def contrast(colour: str, background: str) -> float:
    """How well one colour reads on another, 1 to 21, as the WCAG counts it."""
    lighter, darker = sorted((_luminance(colour), _luminance(background)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [True, False])
def test_every_process_colour_reads_on_the_background(dark: bool) -> None:
    for look in PROCESS_LOOKS:
        for background in BACKGROUNDS[dark]:
            assert contrast(look.dark if dark else look.light, background) >= 4.5


@pytest.mark.parametrize("dark", [True, False])
def test_the_first_dozen_processes_have_colours_of_their_own(dark: bool) -> None:
    for colours in ("truecolor", "256"):
        styles = palette(dark, colours)  # type: ignore[arg-type]
        found = [styles[process_style(number)].color for number in range(1, 13)]
        shown = {
            color.downgrade(ColorSystem.EIGHT_BIT).number for color in found if color is not None
        }
        assert len(shown) == 12


def test_no_process_and_no_activity_is_red() -> None:
    for look in (*PROCESS_LOOKS, *ACTIVITY_LOOKS.values()):
        for colour in (look.dark, look.light):
            red, green, blue = (int(colour[index : index + 2], 16) for index in (1, 3, 5))
            assert not (red > 180 and green < 90 and blue < 90)
        assert "red" not in look.ansi_dark + look.ansi_light


def test_a_process_has_the_same_colour_in_every_lookup_and_they_come_round() -> None:
    styles = palette()
    assert styles["process.3"] is styles["process.3"]
    assert styles[f"process.{3 + len(PROCESS_LOOKS)}"] == styles["process.3"]


def test_a_palette_is_made_once_for_a_theme_and_compositions_once() -> None:
    assert palette(True, "256") is palette(True, "256")
    styles = palette()
    assert styles["process.1 on process.2"] is styles["process.1 on process.2"]
    assert styles["strong+selected"] is styles["strong+selected"]


def test_one_colour_over_the_ground_of_another() -> None:
    styles = palette()
    both = styles["process.1 on process.2"]
    assert both.color == styles["process.1"].color
    assert both.bgcolor == styles["process.2"].color


def test_selection_keeps_colour_and_a_ground_of_its_own() -> None:
    styles = palette()
    assert styles["process.1+selected"].color == styles["process.1"].color
    assert styles["process.1+selected"].bgcolor == styles["selected"].bgcolor
    composed = "activity.running on activity.lock.ground"
    assert styles[composed + "+selected"].bgcolor == styles[composed].bgcolor


@pytest.mark.parametrize("colours", ALL)
@pytest.mark.parametrize("dark", [True, False])
def test_every_activity_has_a_style_on_every_theme(dark: bool, colours: Colours) -> None:
    styles = palette(dark, colours)
    for activity in Activity:
        for name in (activity_style(activity), lane_style(activity)):
            assert name in styles


def test_without_colours_no_style_has_one() -> None:
    styles = palette(True, "none")
    names = [*styles, "process.1 on process.2", "ink on activity.task", "gap on activity.task"]
    for name in names:
        assert styles[name].color is None
        assert styles[name].bgcolor is None
    assert styles["ink on activity.task"].reverse
    assert not styles["activity.lock+selected.lane"].reverse


def test_sixteen_colours_are_sixteen_colours() -> None:
    for dark in (True, False):
        styles = palette(dark, "16")
        for style in styles.values():
            for color in (style.color, style.bgcolor):
                assert color is None or (color.number is not None and color.number < 16)


def test_an_unknown_name_is_the_terminals_own_style() -> None:
    assert palette()["nothing of the kind"] == Style.null()


def test_neighbouring_activities_differ_on_sixteen_colours() -> None:
    styles = palette(True, "16")
    often_beside = (Activity.RUNNING, Activity.TASK, Activity.LOCK, Activity.RESULT)
    for first, second in combinations(often_beside, 2):
        assert styles[activity_style(first)].color != styles[activity_style(second)].color
