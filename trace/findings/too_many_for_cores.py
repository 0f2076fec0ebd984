"""Rule: more processes that want to run than there are cores."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.findings import limits
from mpviz.trace.findings.rule import Rule, Stays
from mpviz.trace.findings.wording import percent
from mpviz.trace.primitives.pool_state import Pool
from mpviz.trace.state import CROWD_SAMPLES, Finding, Process, RunState


def _find(state: RunState) -> Iterator[Finding]:
    cores = state.cores
    if len(cores.runnable) < CROWD_SAMPLES or state.frozen:
        return
    runnable = sum(cores.runnable) / CROWD_SAMPLES
    if runnable < most_for(cores.count):
        return
    moments = [cores.history[index] for index in range(-CROWD_SAMPLES, 0)]
    used = sum(use.percent for _, uses in moments for use in uses)
    if used >= limits.CROWD_CORES_SHARE * 100 * cores.count * CROWD_SAMPLES:
        yield _finding(state, runnable, since=moments[0][0])


def most_for(cores: int) -> float:
    """How many may want to run on so many cores before anything is said."""
    return max(limits.CROWD_TIMES * cores, cores + limits.CROWD_MORE)


def _finding(state: RunState, runnable: float, since: int) -> Finding:
    running = [each for each in state.processes.values() if each.alive and each.status == "R"]
    running.sort(key=lambda process: (-process.cpu_percent, process.number))
    count = state.cores.count
    cores = "1 core" if count == 1 else f"{count} cores"
    return Finding(
        rule="too-many-for-cores",
        subject="cores",
        message=f"{runnable:.0f} processes want to run at once on {cores}, so that each gets"
        f" {percent(count / runnable)} of one",
        cause="More processes than cores do not work faster: they take turns, and each turn costs"
        " time, and all of them memory at once.",
        fix=f"Start {count} of them: that is os.cpu_count(), and what Pool() starts by itself.",
        processes=tuple(process.key for process in running),
        objects=_pools(state, running),
        since=since,
    )


def _pools(state: RunState, processes: list[Process]) -> tuple[str, ...]:
    pools = dict.fromkeys(process.pool for process in processes if process.pool)
    return tuple(pool for pool in pools if pool in state.table(Pool))


RULE = Rule(
    name="too-many-for-cores",
    says="many more processes that want to run than cores",
    threshold=f"{limits.CROWD_TIMES:g} for each core and {limits.CROWD_MORE} more than cores, on"
    f" average over {CROWD_SAMPLES / 10:g} s in which the cores are in use",
    exempt="processes that sleep or wait, for a disk or the network too, and those that start",
    find=_find,
    stays=Stays.OVER,
)
