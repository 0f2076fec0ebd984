"""Rule: more processes that want to run than there are cores.

A process wants as much of a core as it would use if it never had to wait for one. The kernel counts
these waits, so the load of other programs makes no process look busier than it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.starved import STARVED_OTHERS_SHARE
from mpviz.trace.model.cores import cores_in_words, is_throttled, why_so_few
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import CROWD_SAMPLES, Cores, CoreUse, Finding, RunState

CROWD_TIMES = 2.5
"""Minimum average number of processes that want to run, for each core that the program may use."""

CROWD_MORE = 4
"""Minimum excess of such processes over cores: on one core, two or three do no harm."""

CROWD_CORES_SHARE = 0.9
"""Minimum share (0 to 1) of these cores that is in use meanwhile, by any program."""

CROWD_OWN_SHARE = 0.1
"""Minimum share (0 to 1) of these cores that the program uses: below it, others cause the wait."""


def _find(state: RunState) -> Iterator[Finding]:
    cores = state.cores
    if len(cores.wanted) < CROWD_SAMPLES or state.frozen:
        return
    # A process that is always ready sometimes shows up as ready for 99 percent of the time.
    wanted = round(sum(cores.wanted) / CROWD_SAMPLES, 1)
    had = sum(cores.had) / CROWD_SAMPLES
    if wanted < most_for(cores.capacity) or had < CROWD_OWN_SHARE * cores.capacity:
        return
    if are_in_use(state, had):
        yield _finding(state, wanted, had, since=cores.history[-CROWD_SAMPLES][0])


def are_in_use(state: RunState, had: float) -> bool:
    """Whether the program has what it may use of the cores, or other programs have the rest."""
    cores = state.cores
    return is_throttled(cores) or _used_of_late(state, had) >= CROWD_CORES_SHARE * cores.capacity


def others_in_words(state: RunState, had: float) -> str:
    """The end of a sentence that other programs have most cores; empty if they have not.

    What a control group grants is not taken away by other programs.
    """
    cores, others = state.cores, _used_of_late(state, had) - had
    if cores.is_granted_less or others < STARVED_OTHERS_SHARE * cores.reach:
        return ""
    return f"; other programs use {others:.1f} of them"


def _used_of_late(state: RunState, had: float) -> float:
    """How many of the program's cores were in use lately, by any program; itself had so many."""
    moments = [state.cores.history[index] for index in range(-CROWD_SAMPLES, 0)]
    return max(had, sum(_used(state, uses) for _, uses in moments) / CROWD_SAMPLES)


def _used(state: RunState, uses: list[CoreUse]) -> float:
    """How many of the program's cores were in use, by any program."""
    may_use = state.cores.may_use
    return sum(use.percent for index, use in enumerate(uses) if may_use(index)) / 100


def most_for(cores: float) -> float:
    """The number of processes that want to run on so many cores from which on they are too many."""
    return max(CROWD_TIMES * cores, cores + CROWD_MORE)


def _finding(state: RunState, wanted: float, had: float, since: int) -> Finding:
    running = [each for each in state.processes.values() if each.alive and each.demand >= 0.5]
    running.sort(key=lambda process: (-process.cpu_percent, process.number))
    return Finding(
        subject="cores",
        message=f"{wanted:.0f} processes want to run at once on {cores_in_words(state.cores)}, so"
        f" that each gets {had / wanted:.0%} of a core" + others_in_words(state, had),
        cause="More processes than cores do not work faster: they take turns. Each turn costs time,"
        " and all processes take memory at once.",
        fix=_fix(state.cores),
        processes=tuple(process.key for process in running),
        objects=_pools(state, running),
        since=since,
    )


def _fix(cores: Cores) -> str:
    few = f"Start {cores.count} of them"
    why = why_so_few(cores)
    if why:
        return f"{few}. {why}"
    return f"{few}: that is os.cpu_count(), and what Pool() starts by itself."


def _pools(state: RunState, processes: list[Process]) -> tuple[str, ...]:
    pools = dict.fromkeys(process.pool for process in processes if process.pool)
    return tuple(pool for pool in pools if pool in state.table(Pool))


RULE = Rule(
    name="too-many-for-cores",
    says="many more processes that want to run than cores",
    threshold=f"{CROWD_TIMES:g} for each core that the program may use, and at least"
    f" {CROWD_MORE} more than there are cores, averaged over {CROWD_SAMPLES / 10:g} s in"
    f" which the cores are in use, {CROWD_OWN_SHARE:.0%} of them by the program",
    exempt="processes that sleep, wait (for a disk or the network, too) or start; programs that get"
    " no core because other programs use them",
    find=_find,
    stays=Stays.OVER,
)
