"""Makes the pictures in this folder anew from real runs: ``python -m screenshots [NAME ...]``."""

import asyncio
import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from mpviz.scenarios.catalogue import scenarios
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.state import RunState
from mpviz.trace.record.comparison import Run
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp
from mpviz.tui.commands.compare import print_rows
from mpviz.tui.commands.sweeps import sweep_of
from mpviz.tui.commands.targets import from_words
from mpviz.tui.exports import export, format_for
from mpviz.tui.render.comparison_rows import comparison_rows
from mpviz.tui.settings import DEFAULTS
from screenshots.smaller import smaller

WIDTH, HEIGHT = 120, 36
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """A picture of the screen at a moment of a run."""

    words: Sequence[str] = ()
    """What follows ``mpviz run``; none for the picker."""
    seconds: float = 1.0
    """The moment, from the start of the run."""
    keys: Sequence[str] = ()
    """Pressed before, one after another and half a second apart."""
    height: int = HEIGHT
    """Rows of the terminal."""
    width: int = WIDTH
    """Columns of the terminal."""
    stepped: bool = False
    """The words follow ``mpviz step``, and the keys are choices."""
    replayed: bool = False
    """The run is recorded to its end first, and shown as a replay from that moment on."""
    compared: bool = False
    """The words have a list of values: of the page on which their runs stand side by side."""


SPECIAL = {
    "picker": Picture(),
    "gil-race": Picture(["gil-race", "tasks=4", "pause=0.5"], seconds=9.0),
    "pool-map": Picture(["pool-map", "chunksize=2"], seconds=4.5),
    "producer-consumer": Picture(["producer-consumer"], seconds=4.2),
    "shared-counter": Picture(
        ["shared-counter", "increments=120"], seconds=2.2, keys=["down", "down"]
    ),
    "lost-updates": Picture(["shared-counter", "lock=no", "increments=100"], seconds=3.0),
    "replay": Picture(
        ["shared-counter", "increments=60"],
        seconds=2.4,
        keys=["space", "m", *["right"] * 4, "down", "down", "full_stop"],
        replayed=True,
    ),
    "deadlock": Picture(
        ["deadlock", "processes=3", "pause=0"],
        seconds=2.0,
        keys=["w", "w", "exclamation_mark"],
        height=44,
    ),
    "time": Picture(
        ["shared-counter", "increments=60"], seconds=1.0, keys=[*["tab"] * 6, "e"], height=30
    ),
    "compare": Picture(["pool-map", "chunksize=1,10,30"], compared=True),
    "steps": Picture(["race"], keys=[*"1211122"], width=100, height=30, stepped=True),
    "bank": Picture(["bank"], seconds=2.5),
    "words": Picture(["screenshots/words.py"], seconds=2.4),
    "words_fixed": Picture(["screenshots/words_fixed.py"], seconds=0.7),
    "lab": Picture(["lab"], seconds=1.5, keys=[*"aduta", "k", "m", "k"]),
}
"""What has a moment of its own; every other scenario is taken at :data:`MOMENT`."""

REPORT = "report"
"""The picture of a report, which a browser makes."""
REPORTED = ["deadlock"]
REPORT_SIZE = {"width": 1280, "height": 1180}

MOMENT = 3.5

LOOK = replace(DEFAULTS, theme="dark")
"""Of all pictures, whatever the terminal shows in which they are made."""


def pictures() -> dict[str, Picture]:
    """All pictures by name: those of the scenarios, and the others."""
    usual = {name: Picture([name], seconds=MOMENT) for name in scenarios()}
    return usual | SPECIAL


def started(target: Target) -> Session:
    """A run whose output the screen shows."""
    return start(target, capture=True)


async def make(picture: Picture) -> str:
    """The screen at the picture's moment as SVG; the run is ended after it."""
    words = picture.words
    if picture.compared:
        return compare(words)
    target = (
        from_words(words, module=False, python=None, start_method=None, is_stepped=picture.stepped)
        if words
        else None
    )
    if picture.replayed and target is not None:
        with TemporaryDirectory() as folder:
            replay = record(target, Path(folder, "run.jsonl.gz"))
            replay.seek(replay.start + int(picture.seconds * 1e9))
            app = MpvizApp(start=started, fps=10, replay=replay, settings=LOOK)
            return await look(app, picture, 0.5)
    app = MpvizApp(target, start=started, fps=10, settings=LOOK, stepped=picture.stepped)
    return await look(app, picture, picture.seconds)


async def look(app: MpvizApp, picture: Picture, seconds: float) -> str:
    """The screen after the picture's keys and so many seconds."""
    async with app.run_test(size=(picture.width, picture.height)) as pilot:
        for key in picture.keys:
            await pilot.pause(0.5)
            await pilot.press(key)
        await pilot.pause(seconds)
        try:
            kind = ["replay"] * picture.replayed + ["step"] * picture.stepped
            title = " ".join(["mpviz", *kind, *picture.words])
            return app.export_screenshot(title=title, simplify=True)
        finally:
            if app.session is not None:
                app.session.close()


def compare(words: Sequence[str]) -> str:
    """The page that ``mpviz run`` prints of these words, whose runs come to their end first."""
    runs = [
        Run(label, run_to_end(target))
        for label, target in sweep_of(words, python=None, start_method=None)
    ]
    console = Console(
        width=WIDTH, record=True, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    print_rows(comparison_rows(runs, WIDTH), console)
    return console.export_svg(title=" ".join(["mpviz run", *words]))


def run_to_end(target: Target, file: Path | None = None) -> RunState:
    """The state at the end of a run, which may be recorded."""
    run = start(target, capture=True, record=file)
    deadline = time.monotonic() + (target.limit or math.inf)
    while not run.over:
        if not run.step(0.02):
            time.sleep(0.02)
        if time.monotonic() > deadline:
            run.stop()
    run.close()
    return run.state


def record(target: Target, file: Path) -> Replay:
    """Run this to its end and open its recording."""
    run_to_end(target, file)
    replay = Replay(file)
    while not replay.is_read:
        replay.step(1)
    return replay


def make_report(file: Path) -> str:
    """Take a picture of the report of a run; why that cannot be, or nothing."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return "there is no chromium to open the report with"
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the others need none

    target = from_words(REPORTED, module=False, python=None, start_method=None)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        recording, report = Path(folder, "run.jsonl.gz"), Path(folder, "report.html")
        record(target, recording).close()
        export(recording, format_for(None, report.name), str(report), lambda share: None)
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport=REPORT_SIZE)
        page.goto(report.as_uri())
        page.screenshot(path=file)
        browser.close()
    return ""


def main() -> None:
    """Write the pictures that are named, or all."""
    every = pictures()
    for name in sys.argv[1:] or [*every, REPORT]:
        if name == REPORT:
            problem = make_report(FOLDER / f"{REPORT}.png")
            print(problem or f"screenshots/{REPORT}.png", flush=True)
            continue
        if name not in every:
            sys.exit(f"there is no picture {name!r}; there are {', '.join([*every, REPORT])}")
        svg = smaller(asyncio.run(make(every[name])))
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"screenshots/{name}.svg", flush=True)


if __name__ == "__main__":
    main()
