"""Stall detection: whether no process of a program is at work, and some wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mpviz.trace.explain.chains import Asked, chain_in_words, chain_of, unblockers_of
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.file_lock import WAITS_FOR_FILE_LOCK
from mpviz.trace.model.primitives.pipe import Pipe
from mpviz.trace.model.processes.identity import terminated_at
from mpviz.trace.model.processes.process import Process, Stuck
from mpviz.trace.model.processes.stacks import AT_WORK, is_helper, own_frame, place_in_words
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.trace.model.wait_kinds import wait_in_words

STILL_NANOSECONDS = 2_000_000_000
"""A process that has changed nothing for so long stands still."""

MOST_NANOSECONDS = 60_000_000_000
"""Longest pause between two looks at a process that cannot be looked at, nanoseconds."""

_STILL = (
    Activity.LOCK,
    Activity.QUEUE,
    Activity.PROCESS,
    Activity.RESULT,
    Activity.SIGNAL,
    Activity.IDLE,
    Activity.SLEEPING,
    Activity.STOPPED,
    Activity.ZOMBIE,
)

MOST_LINKS = 32
"""Links of a wait chain that are told in words: with more of them, nobody reads on."""

STUCK_NANOSECONDS = 1_000_000_000
"""Minimum age of a wait: a younger one may be about to end."""


def stuck(state: RunState) -> list[Stuck]:
    """All waits, the longest first, if no process is at work; else an empty list.

    Waits with a time-out count, too, because that is not always known.
    """
    asked = Asked()
    found = [as_it_stands(state, process, asked) for process in held_up(state)]
    return sorted(filter(None, found), key=lambda each: each.since)


def stuck_since(state: RunState) -> int:
    """When the last of these waits began, nanoseconds; -1 if a process is at work, or none waits.

    This asks for no chain, so it may be asked for each picture.
    """
    return max(
        (
            process.since if process.wait is None else process.wait.since
            for process in held_up(state)
            if process.wait is not None or _stands_in_a_known_lock(process)
        ),
        default=-1,
    )


def held_up(state: RunState) -> list[Process]:
    """The living processes if none of them is at work or may wake; else an empty list."""
    processes = _all_held_up(state)
    return [] if any(may_wake(process) for process in processes) else processes


def _all_held_up(state: RunState) -> list[Process]:
    """The living processes if none is at work, whatever their threads do; else an empty list."""
    living = [
        process
        for process in state.processes.values()
        if process.alive and process.role not in (*HELPERS, "manager")
    ]
    return living if all(_is_held_up(state, process) for process in living) else []


def at_a_standstill(state: RunState) -> list[Process]:
    """The living processes if none is at work, and no wait of theirs will end; else an empty list.

    A wait ends if it has a time-out, or if it may be ended from outside the program. What other
    threads of a process do, only a look at it says, which is taken when the last change is over.
    A handler of a timer's signal, or of one that another program may send, can end any wait.
    """
    processes = _without_an_end(state)
    last = last_change(state, processes)
    is_sure = all(_is_seen_at_rest(each, last) for each in (*processes, *_managers(state)))
    return processes if is_sure and not any(map(_has_wakers, processes)) else []


def _without_an_end(state: RunState) -> list[Process]:
    """The living processes if none is at work and no wait of theirs ends, as far as is known
    without a look at them; else an empty list.
    """
    processes = _all_held_up(state)
    return [] if any(_will_end(state, each) for each in processes) else processes


def _managers(state: RunState) -> Iterator[Process]:
    """The living managers: they do what others ask them to do."""
    return (each for each in state.processes.values() if each.alive and each.role == "manager")


def last_change(state: RunState, processes: Iterable[Process]) -> int:
    """When the last of these began to wait or to do nothing, or another one ended, nanoseconds."""
    began = map(_changed_at, processes)
    ended = [each.ended for each in state.processes.values() if each.role not in HELPERS]
    return max([*began, *ended], default=-1)


def _changed_at(process: Process) -> int:
    """When the process, or the last of its threads that wait, began to do what it does."""
    return max([process.since, *(wait.since for wait in process.waits.values())])


def is_at_rest(process: Process) -> bool:
    """Whether no thread of a process will go on by itself, as a look at it after its last change
    has shown.
    """
    ends_by_itself = any(wait.until >= 0 for wait in process.waits.values())
    return not ends_by_itself and _is_seen_at_rest(process, _changed_at(process))


def _is_seen_at_rest(process: Process, last: int) -> bool:
    """Whether a look after this moment found no thread of a process that may go on by itself.

    The latest sample must not contradict it: who has been woken since then needs a core first.
    """
    if process.zombie:
        return True
    stacks = process.stacks
    if stacks is None or stacks.time < last or may_wake(process):
        return False
    return process.status != "R" and process.at_work_since < 0


def _has_wakers(process: Process) -> bool:
    """Whether it handles a signal with which a timer or another program has something done."""
    return process.stacks is not None and bool(process.stacks.wakers)


def _will_end(state: RunState, process: Process) -> bool:
    """Whether a wait of this process ends by itself, or may be ended from outside the program."""
    return any(
        wait.until >= 0 or _is_foreign(state, wait) or _is_over(state, wait)
        for wait in process.waits.values()
    )


def _is_over(state: RunState, wait: Wait) -> bool:
    """Whether it is for the end of a process that has ended."""
    process = state.processes.get(wait.object) if wait.what == "process" else None
    return process is not None and not process.alive


def _is_foreign(state: RunState, wait: Wait) -> bool:
    """Whether it is for a connection that the program did not make by Pipe(), or for a file lock
    that another program may have.
    """
    if wait.what == WAITS_FOR_FILE_LOCK:
        return not unblockers_of(state, wait).complete
    ends = wait.object.split(" ")
    return wait.what in ("send", "receive") and not all(end in state.table(Pipe) for end in ends)


def as_it_stands(state: RunState, process: Process, asked: Asked | None = None) -> Stuck | None:
    """What a process waits for, within multiprocessing or without; None if it does not wait."""
    return as_it_waits(state, process, asked) or _in_a_lock(process)


def standing_still(state: RunState) -> list[Process]:
    """The processes whose stacks have to be looked at, since they say why something stands still.

    If no process is at work, these are all that wait; else those that sleep in a lock of which
    multiprocessing knows nothing. Each is looked at once for as long as it stands still. A process
    that sleeps until a time, or for what comes from outside, will wake by itself.

    If no wait seems to have an end, all are looked at once more after the last change: only then
    is it known that no thread of theirs goes on.
    """
    if state.frozen or state.ending >= 0:
        return []
    living = [
        process
        for process in state.processes.values()
        if process.alive and process.role not in HELPERS
    ]
    still = [process for process in living if _stands_still(state, process)]
    if len(still) < len(living):
        holders = _holders_of_file_locks(state)
        still = [each for each in still if _is_unexplained(each) or each.key in holders]
    # First those of which the probe tells nothing: they may be what all others wait for.
    still.sort(key=lambda process: process.wait is not None)
    unknown = [process for process in still if _is_unknown(state, process)]
    unheeding = [process for process in living if _goes_on_after_sigterm(state, process)]
    wanted = [*unknown, *unheeding, *_in_doubt(state)]
    return list({process.key: process for process in wanted}.values())


def _holders_of_file_locks(state: RunState) -> set[str]:
    """Keys of the processes that have a file lock for which another one waits."""
    waits = [
        wait
        for process in state.processes.values()
        for wait in process.waits.values()
        if wait.what == WAITS_FOR_FILE_LOCK
    ]
    return {thread.process for wait in waits for thread in unblockers_of(state, wait).threads}


def _goes_on_after_sigterm(state: RunState, process: Process) -> bool:
    """Whether a look has to say what a process does that was told to end a while ago."""
    sent = terminated_at(process)
    is_late = process.resting and 0 <= sent <= state.now - STILL_NANOSECONDS
    return is_late and process.probed and _is_to_be_asked(state, process, sent)


def _in_doubt(state: RunState) -> list[Process]:
    """The processes of which is not known since the last change whether they may go on.

    If some are known to go on, it is only these, ever more rarely. Workers without a task come
    last: there may be many.
    """
    processes = _without_an_end(state)
    last = last_change(state, processes)
    if not processes or state.now - last < STILL_NANOSECONDS:
        return []
    processes += _managers(state)
    going_on = [each for each in processes if _is_seen_since(each, last) and may_wake(each)]
    if going_on:
        return [each for each in going_on if _has_lasted_twice(state, each, last)]
    processes.sort(key=lambda process: process.activity is Activity.IDLE)
    return [each for each in processes if each.probed and _is_to_be_asked(state, each, last)]


def _is_unexplained(process: Process) -> bool:
    """Whether the probe says nothing of what keeps it, so far as that is no wait for a task."""
    if process.wait is None:
        return not process.pool
    return process.wait.what == WAITS_FOR_FILE_LOCK


def _is_unknown(state: RunState, process: Process) -> bool:
    """Whether a look at its stacks would say something new."""
    if not _is_to_be_asked(state, process, process.since):
        return False
    is_in_lock = process.asleep_in in ("lock", "file lock")
    will_wake = process.resting and not process.waits and not is_in_lock
    return process.probed and not will_wake


def _is_to_be_asked(state: RunState, process: Process, since: int) -> bool:
    """Whether it has not been asked since this moment; or was, and did not answer.

    What kept mpviz from looking may be over by now; of what lasts, it asks ever more rarely.
    """
    stacks = process.stacks
    if stacks is None or stacks.time < since:
        return True
    pause = min(STILL_NANOSECONDS << stacks.tries, MOST_NANOSECONDS)
    return bool(stacks.reason) and state.now - stacks.time >= pause


def _has_lasted_twice(state: RunState, process: Process, since: int) -> bool:
    """Whether the last look at it was at half the time from this moment until now, or before."""
    pause = process.stacks.time - since if process.stacks is not None else 0
    pause = min(max(pause, STILL_NANOSECONDS), MOST_NANOSECONDS)
    return process.stacks is None or state.now - process.stacks.time >= pause


def is_seen_where_it_stands(process: Process) -> bool:
    """Whether its stacks were read since it began to do what it does."""
    return _is_seen_since(process, process.since)


def _is_seen_since(process: Process, since: int) -> bool:
    stacks = process.stacks
    return stacks is not None and stacks.time >= since and not stacks.reason


def _stands_still(state: RunState, process: Process) -> bool:
    if state.now - process.since < STILL_NANOSECONDS:
        return False
    if process.activity in _STILL:
        return True
    # A wait of which the probe knows nothing, in a task or at the end.
    return process.resting and 0 <= process.rested_since <= state.now - STILL_NANOSECONDS


def _in_a_lock(process: Process) -> Stuck | None:
    """What a process waits for that stands in a lock outside multiprocessing; else None."""
    if not _stands_in_a_known_lock(process):
        return None
    words = f"a lock outside multiprocessing{_place_in_stacks(process, process.since)}"
    return Stuck(process.key, "lock outside", "", process.since, words)


def _stands_in_a_known_lock(process: Process) -> bool:
    """Whether it stands in such a lock, and its stack says where."""
    has_main = process.stacks is not None and process.stacks.main is not None
    return has_main and stands_in_a_lock(process)


def _place_in_stacks(process: Process, since: int) -> str:
    """The program's own line at which its main thread was seen since then, behind a comma."""
    stacks = process.stacks
    if stacks is None or stacks.main is None or stacks.time < since:
        return ""
    frame = own_frame(stacks.main)
    return f", at {place_in_words(frame)}" if frame is not None else ""


def as_it_waits(state: RunState, process: Process, asked: Asked | None = None) -> Stuck | None:
    """What a process waits for now, also in words; None if it does not wait."""
    wait = process.wait
    if wait is None:
        return None
    words = wait_in_words(state, wait)
    if wait.what == WAITS_FOR_FILE_LOCK:
        # The probe tells nothing of it, so its place is known from a look alone.
        words += _place_in_stacks(process, wait.since)
    chain = chain_of(state, process, asked, MOST_LINKS)
    return Stuck(
        process.key,
        wait.what,
        wait.object,
        wait.since,
        words,
        wait.site,
        tuple(link.process.key for link in chain.links),
        chain_in_words(state, chain),
    )


def _is_held_up(state: RunState, process: Process) -> bool:
    """Whether a living process does nothing that could end the wait of another one."""
    if _has_threads_at_work(process, state.now):
        return False
    wait = process.wait
    if wait is not None and process.activity is wait.activity:
        return state.now - wait.since >= STUCK_NANOSECONDS
    if process.activity is Activity.ENDING:
        # If it sleeps while it ends, something keeps it from ending.
        return process.resting and 0 <= process.exiting <= state.now - STUCK_NANOSECONDS
    return process.activity in (Activity.IDLE, Activity.ZOMBIE) or stands_in_a_lock(process)


def _has_threads_at_work(process: Process, now: int) -> bool:
    """Whether another thread goes on while its main thread waits: it may end any wait.

    It may unpickle a result that the main thread waits for, or be about to put an item.
    """
    threads = process.threads
    return threads.others_at_work(process.pid, process.waits, process.since, now)


def stands_in_a_lock(process: Process) -> bool:
    """Whether it was seen to stand in a lock of which multiprocessing knows nothing.

    A lock with a time-out does not count: the process will wake by itself.
    """
    stacks = process.stacks
    if stacks is None or stacks.time < process.since or process.waits:
        return False
    is_busy = process.activity not in (Activity.IDLE, Activity.ZOMBIE, Activity.STOPPED)
    is_asleep = process.resting and process.asleep_in == "lock"
    return is_busy and is_asleep and not (len(stacks.threads) == 1 and "clock" in stacks.sleeps)


def may_wake(process: Process) -> bool:
    """Whether, at the last look, another thread of the program's own slept until a time, or for
    what comes from outside; also if that was not seen, because mpviz could not look.
    """
    stacks = process.stacks
    if stacks is None:
        return False
    if stacks.reason:
        return stacks.listed != 1 or stacks.reason == AT_WORK
    if not stacks.sleeps & {"clock", "disk", "network", "else"}:
        return False
    return any(
        not is_helper(each) and each.thread not in process.waits for each in stacks.threads[:-1]
    )
