"""Rule: a program that has bound its processes to fewer cores than it could use."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.state import Cores, Finding, RunState

BOUND_SAMPLES = 5
"""Samples, ten a second, before anything is said."""
BOUND_MORE = 0.7
"""How many more processes want to run than the cores that they are bound to."""


def _find(state: RunState) -> Iterator[Finding]:
    cores, run = state.cores, state.run
    if run is None or state.frozen or len(cores.wanted) < BOUND_SAMPLES:
        return
    unused = _unused(cores, run.allowed)
    wanted = sum(cores.wanted) / len(cores.wanted)
    if not cores.allowed or unused <= 0 or wanted < len(cores.allowed) + BOUND_MORE:
        return
    running = [each for each in state.processes.values() if each.alive and each.demand >= 0.5]
    which = ", ".join(map(str, sorted(cores.allowed)))
    may = f"core {which}" if len(cores.allowed) == 1 else f"cores {which}"
    yield Finding(
        subject="cores",
        message=f"the {wanted:.0f} processes that want to run may do so on {may} only;"
        f" {plural(unused, 'other core stays', 'other cores stay')} unused",
        cause="Something in the program has called os.sched_setaffinity, perhaps a library at its"
        " import, and processes have the affinity of their parent.",
        fix="Set it back before processes are started:"
        f" os.sched_setaffinity(0, {_as_set(run.allowed)}); or keep the library from setting it.",
        processes=tuple(process.key for process in running),
        since=cores.history[-BOUND_SAMPLES][0],
    )


def _unused(cores: Cores, allowed: list[int]) -> int:
    """How many more cores the program could use if it might run where it might at its start."""
    could = len(set(allowed) | cores.allowed)
    if 0 < cores.granted < could:
        # More than a control group grants would be of no use.
        could = ceil(cores.granted)
    return could - len(cores.allowed)


def _as_set(cores: list[int]) -> str:
    """These cores as Python, such as ``range(0, 8)`` or ``{0, 2}``."""
    first, last = min(cores), max(cores)
    if len(set(cores)) == last - first + 1:
        return f"range({first}, {last + 1})"
    return "{" + ", ".join(map(str, sorted(set(cores)))) + "}"


RULE = Rule(
    name="bound-to-cores",
    says="processes that take turns on a few cores, since the program has bound them to these",
    threshold=f"{BOUND_MORE:g} more processes than cores want to run, for {BOUND_SAMPLES / 10:g} s",
    exempt="a limit that was there before the program, as of taskset or a container",
    find=_find,
    stays=Stays.OVER,
)
