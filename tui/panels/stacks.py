"""The stacks: where each thread of the selected process stood when mpviz last looked."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.explain.threads import name_of_stack
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.looks import KernelThread
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import Stacks, is_of_python
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import from_top
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import moment_of
from mpviz.tui.render.rows import Row, row
from mpviz.tui.render.view import View

WIDEST_FUNCTION = 30


def shown_process(state: RunState, view: View) -> Process | None:
    """The selected process, else the one that was looked at last; None if none was."""
    chosen = state.processes.get(view.selected)
    if chosen is not None:
        return chosen
    seen = [each for each in state.processes.values() if each.stacks is not None]
    return max(seen, key=lambda each: each.stacks.time if each.stacks else 0, default=None)


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """The main thread first; of each thread the innermost frame first."""
    process = shown_process(state, view)
    if process is None:
        return []
    return from_top(stack_rows(process), height, view.scroll.get("stacks", 0))


def stack_rows(process: Process, *, whole: bool = True, own_lines_first: bool = False) -> list[Row]:
    """Its threads as the last look saw them; without a look, those that are known, if several.

    Not ``whole``, without the frames of Python's own modules that called the program's first one.
    ``own_lines_first``: where there is room for a few rows only, each thread begins with the
    program's own lines, the innermost of them beside its name.
    """
    stacks = process.stacks
    if stacks is None:
        return _known_threads(process)
    rows: list[Row] = []
    if stacks.reason:
        rows.append(row((f"{described(process)} {stacks.reason}", "dim")))
    for index, stack in enumerate(reversed(stacks.threads)):
        name = "main thread" if index == 0 else f"thread {name_of_stack(process, stack)}".rstrip()
        frames = stack.frames if whole else _down_to_own(stack.frames)
        draw_thread = _thread_from_own if own_lines_first else _thread
        rows += draw_thread(frames, name, stacks.of_kernel(stack))
    return rows + [_head(*each) for each in _without_stack(process, stacks)]


def _known_threads(process: Process) -> list[Row]:
    """The threads of a process that was not looked at, the main thread first; none for one."""
    living = process.threads.living.values()
    if len(living) < 2:
        return []
    ordered = sorted(living, key=lambda each: (each.number != process.pid, each.since))
    rows = []
    for each in ordered:
        name = "main thread" if each.number == process.pid else f"thread {each.name}".rstrip()
        seconds = f"  {each.cpu_seconds:.2f} s of CPU" if each.cpu_seconds >= 0 else ""
        rows.append(row((name, "strong"), (seconds, "dim")))
    return rows


def _without_stack(process: Process, stacks: Stacks) -> list[tuple[str, KernelThread]]:
    """Threads of which only the kernel knows, each with a name; those that do the same once."""
    known = {each.thread for each in stacks.threads}
    alike: dict[tuple[str, str, bool], list[KernelThread]] = {}
    for each in stacks.kernel:
        if each.thread not in known:
            key = each.name, each.call, each.number == process.pid
            alike.setdefault(key, []).append(each)
    return [
        (_name(name, is_main, len(threads)), threads[0])
        for (name, _, is_main), threads in alike.items()
    ]


def _name(name: str, is_main: bool, count: int) -> str:
    if is_main:
        return "main thread"
    return f"{count} threads {name}".rstrip() if count > 1 else f"thread {name}".rstrip()


def _head(name: str, thread: KernelThread | None) -> Row:
    """Which thread it is, in which system call it is blocked and on what, and its CPU time."""
    facts: list[str] = []
    if thread is not None:
        facts += [f"in {thread.call}"] if thread.call else []
        facts += [f"{thread.cpu_seconds:.2f} s of CPU"] if thread.cpu_seconds >= 0 else []
    return row((name, "strong"), ("  " + "; ".join(facts), "dim") if facts else ("", ""))


Frames = Sequence[tuple[str, int, str]]
"""File, line and function of each, the innermost first."""


def _down_to_own(frames: Frames) -> Frames:
    """Without the frames that every process and thread begins with, and the forker's below them."""
    starts = [index for index, (_, _, function) in enumerate(frames) if function == "_bootstrap"]
    frames = frames[: starts[0]] if starts and is_of_python(frames[starts[0]]) else frames
    own = [index for index, frame in enumerate(frames) if not is_of_python(frame)]
    return frames[: own[-1] + 1] if own else frames


def _thread_from_own(frames: Frames, name: str, thread: KernelThread | None) -> list[Row]:
    own = [each for each in frames if not is_of_python(each)]
    if not own:
        return _thread(frames, name, thread)
    file, line, function = own[0]
    words = f"  {_in_words(function)}  {file.rsplit('/', 1)[-1]}:{line}"
    head, *_ = _thread((), name, thread)
    further = [*own[1:], *(each for each in frames if is_of_python(each))]
    rows = _thread(further, name, thread)[1:]
    return [Row((head.parts[0], (words, ""), *head.parts[1:])), *rows]


def _thread(frames: Frames, name: str, thread: KernelThread | None) -> list[Row]:
    functions = [_in_words(function) for _, _, function in frames]
    room = max(map(len, functions), default=0)
    rows = [_head(name, thread)]
    for frame, function in zip(frames, functions, strict=True):
        file, line, _ = frame
        style = "dim" if is_of_python(frame) else ""
        place = f"{file.rsplit('/', 1)[-1]}:{line}"
        rows.append(row((f"  {function.ljust(room)}  {place}", style)))
    return rows


def _in_words(function: str) -> str:
    return function if len(function) <= WIDEST_FUNCTION else f"{function[: WIDEST_FUNCTION - 1]}…"


def title(state: RunState, view: View) -> str:
    """Whose stacks they are, and how old the look is."""
    process = shown_process(state, view)
    stacks = process.stacks if process is not None else None
    if process is None or (stacks is None and len(process.threads.living) < 2):
        return "stacks"
    if stacks is None:
        living = plural(len(process.threads.living), "thread")
        return f"{described(process)}: {living}, not looked at"
    age = duration(max(0, moment_of(state, view) - stacks.time))
    threads = f", {plural(len(stacks.threads), 'thread')}" if stacks.threads else ""
    return f"stacks of {described(process)}{threads}, {age} ago"


def wanted_height(state: RunState, view: View) -> int:
    """A row for each frame, and one for each thread."""
    process = shown_process(state, view)
    stacks = process.stacks if process is not None else None
    if process is None:
        return 1
    if stacks is None:
        return max(1, len(_known_threads(process)))
    frames = sum(1 + len(each.frames) for each in stacks.threads)
    return max(1, bool(stacks.reason) + frames + len(_without_stack(process, stacks)))


PANEL = Panel(
    name="stacks",
    title=title,
    help=(
        "Where each thread of the selected process stands: the function and the line, the innermost"
        " first, lines of Python's own modules dim. Beside the name of a thread stands the system "
        "call in which it is blocked, with the file, the pipe or the address that it is for, and "
        "its CPU time. The key L looks; when the whole program stands "
        "still, mpviz looks by itself. Python writes this in a signal handler in C, so it also "
        "works in a process that is blocked, and nothing of the program runs for it. A process "
        "that is at work, or waits for signals, is left alone."
    ),
    body=draw,
    nothing="nothing was looked at: select a process and press l",
    at_first=False,
    used=lambda state: any(each.stacks is not None for each in state.processes.values()),
    wanted_height=wanted_height,
)
