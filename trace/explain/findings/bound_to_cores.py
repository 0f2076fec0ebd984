"""Rule: a program that has bound its processes to fewer cores than it could use."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.state import Finding, RunState

BOUND_SAMPLES = 5
"""Samples, ten a second, before anything is said."""
BOUND_MORE = 0.7
"""How many more processes want to run than the cores that they are bound to."""


def _find(state: RunState) -> Iterator[Finding]:
    cores, run = state.cores, state.run
    if run is None or state.frozen or len(cores.wanted) < BOUND_SAMPLES:
        return
    idle = set(run.allowed) - cores.allowed
    wanted = sum(cores.wanted) / len(cores.wanted)
    if not cores.allowed or not idle or wanted < len(cores.allowed) + BOUND_MORE:
        return
    running = [each for each in state.processes.values() if each.alive and each.demand >= 0.5]
    which = ", ".join(map(str, sorted(cores.allowed)))
    may = f"core {which}" if len(cores.allowed) == 1 else f"cores {which}"
    yield Finding(
        subject="cores",
        message=f"the {wanted:.0f} processes that want to run may do so on {may} only;"
        f" {plural(len(idle), 'other core stays', 'other cores stay')} unused",
        cause="Something in the program has called os.sched_setaffinity, perhaps a library at its"
        " import, and processes have the affinity of their parent.",
        fix="Set it back before processes are started:"
        " os.sched_setaffinity(0, range(os.cpu_count())); or keep the library from setting it.",
        processes=tuple(process.key for process in running),
        since=cores.history[-BOUND_SAMPLES][0],
    )


RULE = Rule(
    name="bound-to-cores",
    says="processes that take turns on a few cores, since the program has bound them to these",
    threshold=f"{BOUND_MORE:g} more processes than cores want to run, for {BOUND_SAMPLES / 10:g} s",
    exempt="a limit that was there before the program, as of taskset or a container",
    find=_find,
    stays=Stays.OVER,
)
