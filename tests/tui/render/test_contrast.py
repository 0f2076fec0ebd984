"""Every theme measured: what is read on what, what lies beside what, and who sees no red.

Contrast is counted as WCAG 2.2 does. Two activities are told apart on a timeline if their columns
differ in lightness by 3:1, each taken as its glyph is mixed of ink and ground, or in pattern: the
glyphs differ, and each has 3:1 between its ink and its ground. Task and other work are both solid,
so a gap parts them, with 3:1 to either.
"""

from itertools import combinations
from math import dist

import pytest
from rich.style import Style

from mpviz.trace.model.lane import Activity
from mpviz.tui.colours import BLACK, WHITE, contrast, luminance, triplet
from mpviz.tui.render.glyphs import ASCII_GLYPHS, GLYPHS
from mpviz.tui.render.lanes.tasks import COLOURS, function_style, part_tasks_from_running
from mpviz.tui.render.palette import PROCESS_LOOKS, Palette, activity_style, lane_style
from mpviz.tui.render.themes import ANSI_DARK, ANSI_LIGHT, BACKGROUNDS, CONTRAST, THEMES, styles_for

XTERM = (
    *("#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5"),
    *("#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff"),
)
VGA = (
    *("#000000", "#aa0000", "#00aa00", "#aa5500", "#0000aa", "#aa00aa", "#00aaaa", "#aaaaaa"),
    *("#555555", "#ff5555", "#55ff55", "#ffff55", "#5555ff", "#ff55ff", "#55ffff", "#ffffff"),
)
"""What xterm and the console of Linux, which is always dark, make of the sixteen colours."""

DECORATION = {"track", "border", "frame", "scrubber.to.come", "activity.task.shade"}
"""Lines and dots that say nothing; and what is filled, and measured with the lanes."""
NOT_TEXT = (".lane", ".ground")
SHOWN = [each for each in Activity if each is not Activity.ENDED]
COVERED = {"█": 1.0, "▒": 0.5, "░": 0.25}
"""How much of a cell a glyph covers; the others are lines, which cover about an eighth."""

CASES = [
    *((theme, XTERM) for theme in THEMES),
    (ANSI_DARK, VGA),
]
themes = pytest.mark.parametrize(("theme", "sixteen"), CASES)


class Measured:
    """The colours of a theme as a terminal shows them."""

    def __init__(self, theme: str, sixteen: tuple[str, ...]) -> None:
        self.styles: Palette = styles_for(theme)
        self.background = BACKGROUNDS.get(theme, WHITE if theme == ANSI_LIGHT else BLACK)
        self.foreground = BLACK if luminance(self.background) > 0.5 else WHITE
        self.sixteen = sixteen

    def pair(self, style: Style) -> tuple[str, str]:
        """Ink and ground of a style."""
        ink = self._shown(style, "color", self.foreground)
        ground = self._shown(style, "bgcolor", self.background)
        return (ground, ink) if style.reverse else (ink, ground)

    def _shown(self, style: Style, part: str, default: str) -> str:
        colour = getattr(style, part)
        if colour is None or colour.is_default:
            return default
        if colour.number is not None:
            return self.sixteen[colour.number]
        return str(colour.get_truecolor().hex)

    def contrast(self, name: str) -> float:
        return contrast(*self.pair(self.styles[name]))

    def lightness(self, activity: Activity) -> float:
        """Of a column that this activity fills: its ink and its ground, mixed."""
        ink, ground = self.pair(self.styles[lane_style(activity)])
        share = COVERED.get(GLYPHS[activity], 0.125)
        return luminance(ink) * share + luminance(ground) * (1 - share)


def names_of_texts(styles: Palette) -> list[str]:
    names = [name for name in styles if name not in DECORATION and not name.endswith(NOT_TEXT)]
    return [name for name in names if name not in ("ink", "gap") and "selected" not in name]


@themes
def test_every_text_reads_on_its_ground(theme: str, sixteen: tuple[str, ...]) -> None:
    measured = Measured(theme, sixteen)
    least = 7.0 if theme == CONTRAST else 4.5
    low = {
        name: round(measured.contrast(name), 2)
        for name in names_of_texts(styles_for(theme))
        if " on " not in name and "+" not in name and measured.contrast(name) < least
    }
    assert not low


@themes
def test_every_text_reads_within_a_selection(theme: str, sixteen: tuple[str, ...]) -> None:
    measured = Measured(theme, sixteen)
    processes = [f"process.{number + 1}" for number in range(len(PROCESS_LOOKS))]
    for name in ("dim", "faint", "number", "warning", "trouble", "good", "history", *processes):
        assert measured.contrast(f"{name}+selected") >= 4.5, name
    for activity in SHOWN:
        assert measured.contrast(f"{activity_style(activity)}+selected") >= 4.5, activity
        assert measured.contrast(f"{lane_style(activity)}+selected.lane") >= 3, activity


@themes
def test_what_is_written_on_a_task_reads(theme: str, sixteen: tuple[str, ...]) -> None:
    measured = Measured(theme, sixteen)
    functions = [function_style(number) for number in range(COLOURS)]
    solid = [name for style in functions for name in (style, f"{style}.shade")]
    for name in (*solid, "activity.running"):
        assert measured.contrast(f"ink on {name}") >= 4.5, name
        assert measured.contrast(f"gap on {name}") >= 3, name
        assert measured.contrast(f"{name} on core.ground") >= 3, name


@themes
def test_every_lane_is_seen_on_the_background(theme: str, sixteen: tuple[str, ...]) -> None:
    measured = Measured(theme, sixteen)
    for activity in SHOWN:
        ink, _ = measured.pair(measured.styles[lane_style(activity)])
        assert contrast(ink, measured.background) >= 3, activity
    shade, _ = measured.pair(measured.styles["activity.task.shade"])
    assert contrast(shade, measured.background) >= 3


@themes
def test_activities_side_by_side_are_told_apart(theme: str, sixteen: tuple[str, ...]) -> None:
    measured = Measured(theme, sixteen)
    alike = []
    for first, second in combinations(SHOWN, 2):
        light, dark = sorted((measured.lightness(first), measured.lightness(second)), reverse=True)
        by_lightness = (light + 0.05) / (dark + 0.05) >= 3
        by_pattern = GLYPHS[first] != GLYPHS[second] and all(
            measured.contrast(lane_style(each)) >= 3 for each in (first, second)
        )
        if not by_lightness and not by_pattern:
            alike.append((first, second))
    assert alike == [(Activity.RUNNING, Activity.TASK)]
    for work in ("activity.running", "activity.task", "activity.task.shade"):
        assert measured.contrast(f"gap on {work}") >= 3


def test_a_gap_parts_a_task_from_other_work() -> None:
    running, task = ("█", "activity.running", ""), ("█", "activity.task", "t1")
    cells = [running, running, task, task, running, running]
    part_tasks_from_running(cells)
    assert "".join(cell[0] for cell in cells) == "██▎█▎█"
    assert [cell[1] for cell in cells][2:5:2] == ["gap on activity.task", "gap on activity.running"]


def test_in_ascii_no_two_activities_have_the_same_sign() -> None:
    assert len(set(ASCII_GLYPHS.values())) == len(ASCII_GLYPHS)


@themes
def test_a_share_of_work_is_seen_on_what_else_there_was(
    theme: str, sixteen: tuple[str, ...]
) -> None:
    measured = Measured(theme, sixteen)
    for name in ("activity.running", "activity.task", "activity.task.shade"):
        assert measured.contrast(f"{name} on core.ground") >= 3, name
    assert measured.contrast("head on core.ground") >= 4.5
    for other in SHOWN:
        for name in ("activity.running", "activity.task"):
            assert measured.contrast(f"{name} on {activity_style(other)}.ground") >= 3, other
        for most in SHOWN:
            if most is not other:
                name = f"{activity_style(most)} on {activity_style(other)}.ground"
                assert measured.contrast(name) >= 3, name


@themes
def test_the_frame_with_the_focus_stands_out(theme: str, sixteen: tuple[str, ...]) -> None:
    measured = Measured(theme, sixteen)
    on, _ = measured.pair(measured.styles["frame.on"])
    off, _ = measured.pair(measured.styles["frame"])
    assert contrast(on, off) >= 3


# One colour, one meaning. Sixteen colours are too few for that: signs and words must do.

OTHERS = ("brand", "frame.on", "key", "title", "warning", "trouble", "good")
WORK_AND_WAITS = (Activity.RUNNING, Activity.TASK, Activity.LOCK, Activity.QUEUE, Activity.SIGNAL)
FULL = [theme for theme in THEMES if not theme.startswith("ansi")]

NORMAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
SIGHTS = {
    "all colours": NORMAL,
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
Deficiency", 2009, at severity 1.0; the matrices are for linear RGB."""


def seen(colour: str, sight: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """The colour as it is seen, in CIELAB (D65), where equal distances look about equally large."""
    light = [_linear(part / 255) for part in triplet(colour)]
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in sight
    )
    x = _root((0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047)
    y = _root(0.2126729 * red + 0.7151522 * green + 0.0721750 * blue)
    z = _root((0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(share: float) -> float:
    return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)


def _root(value: float) -> float:
    return float(value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116)


def ink(theme: str, name: str) -> str:
    measured = Measured(theme, XTERM)
    front, ground = measured.pair(measured.styles[name])
    return ground if measured.styles[name].bgcolor is not None else front


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
@pytest.mark.parametrize("theme", FULL)
def test_the_colours_of_processes_are_apart_for_everyone(
    theme: str, sight: tuple[tuple[float, ...], ...]
) -> None:
    """By 12 in CIELAB, where 2.3 is a difference that is just noticed; the first six by 15."""
    found = [
        seen(ink(theme, f"process.{number + 1}"), sight) for number in range(len(PROCESS_LOOKS))
    ]
    assert min(dist(*pair) for pair in combinations(found, 2)) >= 12
    assert min(dist(*pair) for pair in combinations(found[:6], 2)) >= 15


@pytest.mark.parametrize("theme", FULL)
def test_no_process_has_a_colour_that_means_something_else(theme: str) -> None:
    for number in range(1, len(PROCESS_LOOKS) + 1):
        own = seen(ink(theme, f"process.{number}"), NORMAL)
        for name in (*OTHERS, *map(activity_style, WORK_AND_WAITS)):
            assert dist(own, seen(ink(theme, name), NORMAL)) >= 12, (number, name)


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
@pytest.mark.parametrize("theme", FULL)
def test_the_colours_of_functions_are_apart(
    theme: str, sight: tuple[tuple[float, ...], ...]
) -> None:
    """By 10 for everyone; their blocks say the function's name, too, where there is room."""
    found = [seen(ink(theme, function_style(number)), sight) for number in range(COLOURS)]
    assert min(dist(*pair) for pair in combinations(found, 2)) >= 10


@pytest.mark.parametrize("theme", FULL)
def test_warning_trouble_good_work_and_waits_are_apart(theme: str) -> None:
    names = ("warning", "trouble", "good", "brand", *map(activity_style, WORK_AND_WAITS))
    for first, second in combinations(names, 2):
        apart = dist(seen(ink(theme, first), NORMAL), seen(ink(theme, second), NORMAL))
        assert apart >= 20, (first, second, apart)
