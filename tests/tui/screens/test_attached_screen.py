"""The screen of a program that ran before mpviz: it asks before it changes it, and leaves it."""

from __future__ import annotations

from pathlib import Path

from helpers.running import HOLDS_AND_WAITS, attached
from helpers.running import running as run_plainly
from helpers.screens import running, shown, text, until, words
from mpviz.trace.launch.start import Target
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header
from mpviz.tui.widgets.prompt import Prompt


async def test_it_shows_who_waits_asks_before_a_signal_and_ends_nothing(
    tmp_path: Path, python: str
) -> None:
    with run_plainly(tmp_path, HOLDS_AND_WAITS, python, "fork") as program:
        with attached(program) as session:
            app = MpvizApp(Target([], "program.py"), start=lambda _: session, fps=20, attached=True)
            async with running(app) as pilot:
                await until(pilot, lambda: "waiter" in text(shown(pilot, "processes")))
                await until(pilot, lambda: "held by holder" in text(shown(pilot, "processes")))
                assert f"attached to {program.pid}" in words(pilot, Header)
                assert "q leave" in words(pilot, Footer)
                for key in ("s", "f"):
                    await pilot.press(key)
                    assert pilot.app.screen.query_one(Prompt).display
                    await pilot.press("escape")
                await pilot.press("down", "K")
                assert pilot.app.screen.query_one(Prompt).display
                await pilot.press("escape", "q")
            assert app.return_code in (0, None)
            session.copy_recording(tmp_path / "seen.jsonl.gz")
        assert program.process.poll() is None
    with_replay = Replay(tmp_path / "seen.jsonl.gz")
    try:
        with_replay.seek(with_replay.end)
        state = with_replay.state
        assert {"holder", "waiter"} <= {each.name for each in state.processes.values()}
    finally:
        with_replay.close()
