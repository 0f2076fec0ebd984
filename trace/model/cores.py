"""How many cores a program may use, and why no more, in words that all sentences share."""

from __future__ import annotations

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.state import Cores

THROTTLED_SHARE = 0.2
"""Minimum share (0 to 1) of the periods of a limit in which the program was stopped by it."""

THROTTLED_PERIODS = 10
"""Minimum number of such periods, one second of them by default."""


def cores_in_words(cores: Cores) -> str:
    """The CPU time that the program can get: "2 cores", "1.5 cores", "half a core"."""
    if cores.capacity == 0.5:
        return "half a core"
    if cores.capacity < 1:
        return f"{cores.capacity:.2g} of a core"
    if cores.capacity == int(cores.capacity):
        return plural(int(cores.capacity), "core")
    return f"{cores.capacity:.1f} cores"


def why_so_few(cores: Cores) -> str:
    """A sentence why the program may not use all cores of the machine; empty if it may.

    ``os.cpu_count()`` counts the cores of the machine, whatever limits there are.
    """
    machine = plural(cores.machine, "core")
    if cores.is_granted_less:
        return (
            f"A control group, such as that of a container, limits the program to"
            f" {cores_in_words(cores)} of the machine's {machine}, all of which"
            f" os.cpu_count() counts."
        )
    if cores.reach < cores.machine:
        which = ", ".join(map(str, sorted(cores.allowed)))
        return (
            f"The program may run on core{'s' * (cores.reach > 1)} {which} only, by its affinity"
            f" (taskset, a cpuset), of the machine's {machine}, which os.cpu_count() counts."
        )
    return ""


def is_throttled(cores: Cores) -> bool:
    """Whether the program's control group has stopped it in a good part of the periods."""
    return (
        cores.is_granted_less
        and cores.throttled >= THROTTLED_PERIODS
        and cores.throttled >= THROTTLED_SHARE * cores.periods
    )


def throttled_in_words(cores: Cores) -> list[str]:
    """Sentences that its control group has stopped the program, the longest first."""
    if not is_throttled(cores):
        return []
    share = f"{min(1.0, cores.throttled / cores.periods):.0%}"
    limit = f"limits the program to {cores_in_words(cores)}"
    return [
        f"a control group (a container's limit) {limit}, and stopped it in {share} of all periods",
        f"a control group {limit}: it was stopped in {share} of the periods",
        f"limited to {cores_in_words(cores)} by a control group",
    ]
