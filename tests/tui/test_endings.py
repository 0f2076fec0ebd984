"""What a signal does to a run, and the exit status that follows: the same with a screen or none."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from helpers.screens import running, until
from mpviz.trace.launch.start import Target
from mpviz.trace.model.state import RunState
from mpviz.tui.app import MpvizApp
from mpviz.tui.endings import NOT_STARTED, UNKNOWN, Signals, exit_status, final_status
from mpviz.tui.messages import say_at_once
from mpviz.tui.sessions import Session

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


@pytest.fixture(autouse=True)
def handlers() -> Iterator[dict[int, Any]]:
    """The handlers before a test, and again after it: else the programs of later tests ignore."""
    before = {number: signal.getsignal(number) for number in (INT, TERM, HUP, signal.SIGALRM)}
    yield before
    signal.alarm(0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(
    ("has_screen", "numbers", "asked", "status"),
    [
        (False, [INT], ["interrupt"], 0),
        (False, [INT, INT], ["interrupt", "stop"], 0),
        (True, [INT], ["stop"], 128 + INT),
        (True, [INT, TERM], ["stop", "stop"], 128 + INT),
        (False, [INT, TERM], ["interrupt", "terminate"], 0),
        (False, [TERM], ["terminate"], 0),
        (True, [TERM], ["terminate"], 0),
        (False, [TERM, INT], ["terminate", "interrupt"], 0),
        (False, [TERM, TERM], ["terminate", "stop"], 128 + TERM),
        (True, [TERM, TERM], ["terminate", "stop"], 128 + TERM),
        (True, [TERM, HUP], ["terminate", "stop"], 128 + TERM),
        (False, [HUP], ["stop"], 128 + HUP),
        (True, [HUP, TERM], ["stop", "stop"], 128 + HUP),
    ],
)
def test_the_first_sigterm_is_the_program_s_and_all_others_end_it(
    session: Any,
    *,
    has_screen: bool,
    numbers: list[int],
    asked: list[str],
    status: int,
    is_late: bool,
) -> None:
    """Also if they come while the program is being started, and there is no session yet."""
    woken: list[int] = []
    signals = Signals(has_screen=has_screen, wake=woken.append)
    signals.session = None if is_late else session
    with signals.handled():
        for number in numbers:
            os.kill(os.getpid(), number)
            signals.act()
        signals.session = session
        signals.act()
    for number in (INT, TERM, HUP):
        # A late one must not change how we end.
        assert signal.getsignal(number) is signal.SIG_IGN
    assert woken == numbers
    assert session.asked == asked
    assert signals.status == status
    assert final_status(signals, session.state, frozenset(), 7) == (status or 7)


@pytest.mark.parametrize(
    ("grace", "numbers", "told"),
    [
        (30, [INT, INT, INT], ["Ctrl-C goes to", "all processes of the program get a SIGTERM"]),
        (30, [TERM, TERM], ["are ended by a second one, or after 30 s", "all processes"]),
        (0, [TERM, TERM], ["all processes of the program get a SIGTERM now, and a SIGKILL"]),
        (30, [HUP], ["all processes of the program"]),
    ],
)
def test_what_a_signal_does_is_told_once_and_what_the_next_one_does(
    session: Any, grace: float, numbers: list[int], told: list[str]
) -> None:
    words: list[str] = []
    signals = Signals(has_screen=False, announce=words.append, grace=grace)
    signals.session = session
    signals.received += numbers
    signals.act()
    assert len(words) == len(told)
    for said, part in zip(words, told, strict=True):
        assert part in said


def test_an_announcement_does_not_wait_for_a_reader_of_stderr(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as stderr:
        os.set_blocking(writing, False)
        with suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        monkeypatch.setattr(sys, "stderr", stderr)
        signal.alarm(10)
        say_at_once("nobody reads this")
        signal.alarm(0)


def test_a_sigterm_after_the_program_s_end_is_for_mpviz(session: Any) -> None:
    session.close()
    assert session.over
    signals = Signals(has_screen=True)
    signals.session = session
    signals.received.append(TERM)
    signals.act()
    assert signals.status == 128 + TERM


def test_an_end_by_a_signal_says_nothing_of_findings() -> None:
    state = RunState()
    state.findings["x"] = type("Finding", (), {"rule": "deadlock"})()  # type: ignore[assignment]
    rules = frozenset(["deadlock"])
    for has_screen in (False, True):
        signals = Signals(has_screen=has_screen)
        assert final_status(signals, state, rules, 0) == 3
        signals.received.append(HUP)
        assert final_status(signals, state, rules, 0) == 128 + HUP


def test_a_status_that_nobody_knows_is_not_that_of_a_program_that_was_not_started() -> None:
    state = RunState()
    assert exit_status(state) == UNKNOWN
    state.failure = "x could not be started"
    assert exit_status(state) == NOT_STARTED
    state.exit_code = -TERM
    assert exit_status(state) == 128 + TERM


async def test_a_sigterm_while_the_program_is_being_started_reaches_it(
    session: Any, target: Target
) -> None:
    def start(target: Target) -> Session:
        os.kill(os.getpid(), TERM)
        return session

    app = MpvizApp(target, start=start, fps=10)
    with app.signals.handled():
        async with running(app) as pilot:
            await until(pilot, lambda: session.asked)
    assert session.asked == ["terminate"]
    assert app.signals.status == 0


def test_a_run_that_has_just_ended_is_reported_also_if_a_signal_comes_then(
    handlers: dict[int, Any],
) -> None:
    signals = Signals(has_screen=False)
    with pytest.raises(KeyboardInterrupt), signals.handled():
        signals.report_begins()
        os.kill(os.getpid(), INT)
        reported = True
        os.kill(os.getpid(), INT)
    assert reported
    assert signals.status == 0
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_run_that_was_asked_to_end_is_reported_whatever_signals_come_then() -> None:
    signals = Signals(has_screen=False)
    with signals.handled():
        os.kill(os.getpid(), TERM)
        signals.report_begins()
        for number in (TERM, INT, HUP, TERM):
            os.kill(os.getpid(), number)
        reported = True
    assert reported
    assert signals.received == [TERM]
