"""The first line of the run screen: what runs, how it goes, and in red what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len

from mpviz.trace.explain.verdict import Going, verdict
from mpviz.trace.model.formatting import clock
from mpviz.trace.model.processes.identity import signal_name
from mpviz.trace.model.processes.programs import SILENT_NANOSECONDS
from mpviz.trace.model.state import RunState
from mpviz.tui.render.rows import Part, Row
from mpviz.tui.widgets.rows_view import RowsView

BEHIND_SHOWN = 0.15
"""Seconds; less than this is no more than the time between two pictures."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the header says beside what is true of the run."""

    target: str
    start_method: str
    """The start method that was asked for; empty if none was."""
    paused: bool = False
    over: bool = False
    closing: bool = False
    """The run is being ended for good."""
    behind: float = 0.0
    """Seconds that the picture is behind the program."""
    note: str = ""
    recording: bool = False
    """The run is being recorded."""
    record_problem: str = ""
    """Why the recording has ended."""
    attached: int = 0
    """The first process of a program that mpviz did not start; else 0."""
    replay: bool = False
    """A recording is shown, not a run."""
    moment: int = -1
    """The time that is looked at in nanoseconds; -1 for the present."""
    ascii: bool = False


def header_row(state: RunState, status: Status, width: int) -> Row:
    """The line; without room, what matters least is left out first."""
    left: list[Part] = [(" mpviz ", "brand"), (f"  {status.target}", "head")]
    extras = [
        _not_told(state),
        _start_method(state, status),
        _head_count(state),
        _interpreter(state, status),
    ]
    state_parts = [*_modes(status), *_stage(state, status)]
    troubles = _troubles(state, status)
    now = status.moment if status.moment >= 0 else state.now
    clock: list[Part] = [(f"  {elapsed(now - state.origin)} ", "head")]
    right = [*troubles, *state_parts, *clock]
    note = [(f"  {status.note}", "key")] if status.note else []
    if _length(left) + _length(note) + _length(right) <= width:
        left += note
    for extra in extras:
        if extra and _length(left) + _length(right) + len(extra) + 3 <= width:
            left.append((f"  {extra}", "text"))
    if _length(left) + _length(right) > width:
        left = [(" mpviz ", "brand")]
    gap = max(0, width - _length(left) - _length(right))
    return Row((*left, (" " * gap, ""), *right))


def elapsed(nanoseconds: int) -> str:
    """A time since the start of the run: "3.2 s", "2:05.0"."""
    seconds = max(0, nanoseconds) / 1e9
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _modes(status: Status) -> list[Part]:
    """Whether the view is paused, and whether the run is recorded or a replay."""
    parts: list[Part] = []
    if status.attached:
        parts.append((f" attached to {status.attached} ", "key"))
    if status.paused:
        parts.append((" || paused " if status.ascii else " ❚❚ paused ", "paused"))
    if status.recording and not status.record_problem:
        parts.append((" * rec " if status.ascii else " ● rec ", "key"))
    if status.replay:
        parts.append((" replay ", "paused"))
    return parts


def _stage(state: RunState, status: Status) -> list[Part]:
    """How far the run is, from its start to its end; nothing if the modes say enough."""
    if status.over:
        words, style = _ending(state)
        return [(f" {words} ", style)]
    if status.closing or state.ending >= 0:
        return [(" ending … ", "over")]
    if state.frozen:
        return [(" * frozen " if status.ascii else " ❄ frozen ", "frozen")]
    if state.run is None:
        return [(" starting … ", "over")]
    if status.paused or (status.replay and verdict(state)[0] is Going.ON):
        return []
    return [_live(state, status)]


def _live(state: RunState, status: Status) -> Part:
    going, since = verdict(state)
    if going is Going.ON:
        return " * live " if status.ascii else " ● live ", "live"
    seconds = round((state.now - since) / 1e9)
    so_long = f"{seconds} s" if seconds < 60 else clock(seconds)
    if going is Going.STUCK:
        return f" STUCK {so_long} ", "alarm"
    if going is Going.MAIN_STUCK:
        return f" main process STUCK {so_long} ", "alarm"
    return f" everyone is waiting, {so_long} ", "wrong"


def _ending(state: RunState) -> tuple[str, str]:
    code = state.exit_code
    if state.failure:
        return state.failure, "alarm"
    if state.left:
        return "ran on when mpviz left", "over"
    if code is None:
        return "ended, exit status unknown", "over"
    if code < 0:
        return f"ended by {signal_name(-code)}", "over"
    main = state.processes.get(state.main)
    was_asked = main is not None and main.ended_on_request
    return f"ended, exit code {code}", "alarm" if code and not was_asked else "over"


def _troubles(state: RunState, status: Status) -> list[Part]:
    parts: list[Part] = []
    found = sum(finding.over < 0 for finding in state.findings.values())
    if found:
        parts += [(f" {found} finding{'s' * (found != 1)} ", "alarm"), (" ", "")]
    if state.lost or state.hidden_losses:
        more = "+" * bool(state.hidden_losses)
        parts += [(f" lost {state.lost:,}{more} ", "alarm"), (" ", "")]
    if state.own_troubles:
        parts += [(" trouble: see log ", "alarm"), (" ", "")]
    errors = state.probe_errors + state.unreadable
    if errors:
        words = "probe error" if errors == 1 else "probe errors"
        parts += [(f" {errors:,} {words} ", "alarm"), (" ", "")]
    if status.record_problem:
        parts += [(f" not recorded: {status.record_problem} ", "alarm"), (" ", "")]
    if status.behind > BEHIND_SHOWN:
        parts.append((f" behind {status.behind:.1f} s ", "wrong"))
    return parts


def _start_method(state: RunState, status: Status) -> str:
    told = {process.start_method for process in state.processes.values()} - {""}
    methods = " and ".join(sorted(told)) or status.start_method
    return f"start method {methods}" if methods else ""


def _head_count(state: RunState) -> str:
    there = [process for process in state.processes.values() if process.alive or state.ended >= 0]
    workers = sum(1 for process in there if process.pool)
    if workers:
        return f"{workers} worker" + "s" * (workers != 1)
    return f"{len(there)} process" + "es" * (len(there) != 1) if there else ""


def _not_told(state: RunState) -> str:
    """What is missing from the picture if the first process tells nothing."""
    main = state.processes.get(state.main)
    if main is not None and main.seen:
        return main.unobserved
    if main is None or main.probed or state.now - state.origin < SILENT_NANOSECONDS:
        return ""
    if main.unobserved or any(process.probed for process in state.processes.values()):
        return main.unobserved
    return "no Python in it has told anything"


def _interpreter(state: RunState, status: Status) -> str:
    """The Python that runs it, and its environment in short: "python 3.12 · .venv"."""
    told = next((each.python for each in state.processes.values() if each.python), "")
    if not told:
        return ""
    version = ".".join(told.split(".")[:2])
    *_, home, folder, _ = ["", "", *(state.run.python if state.run else "").split("/")]
    # A folder that is called by the version says nothing more.
    is_environment = folder == "bin" and home not in ("", "usr", "local", told)
    between = " - " if status.ascii else " · "
    return f"python {version}" + (f"{between}{home}" if is_environment else "")


def _length(parts: list[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


class Header(RowsView):
    """Shows :func:`header_row`."""

    def __init__(self, state: Callable[[], RunState], status: Callable[[], Status]) -> None:
        super().__init__(id="header")
        self._state = state
        self._status = status

    def rows(self, width: int, height: int) -> list[Row]:
        """One line."""
        return [header_row(self._state(), self._status(), width)]
