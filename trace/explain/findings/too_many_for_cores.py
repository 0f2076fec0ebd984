"""Rule: more processes that want to run than there are cores.

A process wants as much of a core as it would use if it never had to wait for one. The kernel counts
these waits, so the load of other programs makes no process look busier than it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.starved import STARVED_OTHERS_SHARE
from mpviz.trace.model.formatting import plural
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
    if wanted < most_for(cores.count) or had < CROWD_OWN_SHARE * cores.count:
        return
    moments = [cores.history[index] for index in range(-CROWD_SAMPLES, 0)]
    used = max(had, sum(_used(state, uses) for _, uses in moments) / CROWD_SAMPLES)
    if used >= CROWD_CORES_SHARE * cores.count:
        yield _finding(state, wanted, (had, used - had), since=moments[0][0])


def _used(state: RunState, uses: list[CoreUse]) -> float:
    """How many of the program's cores were in use, by any program."""
    may_use = state.cores.may_use
    return sum(use.percent for index, use in enumerate(uses) if may_use(index)) / 100


def most_for(cores: int) -> float:
    """The number of processes that want to run on so many cores from which on they are too many."""
    return max(CROWD_TIMES * cores, cores + CROWD_MORE)


def _finding(state: RunState, wanted: float, use: tuple[float, float], since: int) -> Finding:
    had, others = use
    running = [each for each in state.processes.values() if each.alive and each.demand >= 0.5]
    running.sort(key=lambda process: (-process.cpu_percent, process.number))
    count = state.cores.count
    have_most = others >= STARVED_OTHERS_SHARE * count
    return Finding(
        subject="cores",
        message=f"{wanted:.0f} processes want to run at once on {plural(count, 'core')}, so that"
        f" each gets {had / wanted:.0%} of one"
        + (f"; other programs use {others:.1f} of them" if have_most else ""),
        cause="More processes than cores do not work faster: they take turns. Each turn costs time,"
        " and all processes take memory at once.",
        fix=_fix(state.cores),
        processes=tuple(process.key for process in running),
        objects=_pools(state, running),
        since=since,
    )


def _fix(cores: Cores) -> str:
    few = f"Start {cores.count} of them"
    if cores.count >= cores.machine:
        return f"{few}: that is os.cpu_count(), and what Pool() starts by itself."
    return (
        f"{few}: of the machine's {plural(cores.machine, 'core')}, which"
        f" os.cpu_count() counts, the program may use {cores.count}."
    )


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
