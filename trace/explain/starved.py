"""Who used the cores: the program, or other programs while it waited for them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from mpviz.trace.explain.phases import Phase, Phases
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.state import RunState

STARVED_SHARE = 0.2
"""Minimum share (0 to 1) of the workers' working time in which they are ready but have no core."""

STARVED_NANOSECONDS = 200_000_000
"""Minimum time without a core, all workers together, nanoseconds: nobody notices less."""

STARVED_OTHERS_SHARE = 0.5
"""Minimum share (0 to 1) of the cores that other programs use, for them to be the cause."""


STARVED_PERCENT = 50
"""Minimum time without a core lately, all processes together, percent of the time: half a process.
"""


@dataclass(frozen=True, slots=True)
class CoreTime:
    """Average number of cores in use, out of those that the program may run on."""

    usable: int
    reach: int
    """Number of cores that it may run on, whatever a control group grants."""
    own: float
    others: float
    without: int
    """Nanoseconds that the workers (the main process if there are none) were ready but had no
    core."""
    worked: int
    """Nanoseconds that they were on a core, at work off it, or ready but without one."""

    @property
    def is_starved(self) -> bool:
        """Whether other programs have most cores while work of the program waits for a core."""
        return (
            self.without >= STARVED_NANOSECONDS
            and self.without > STARVED_SHARE * self.worked
            and self.others >= STARVED_OTHERS_SHARE * self.reach
        )


def others_of_late(state: RunState) -> float:
    """The share (0 to 1) of the program's cores that other programs used in recent samples."""
    cores = state.cores
    moments = list(islice(reversed(cores.history), len(cores.had)))
    if len(moments) < 2:
        return 0.0
    used = sum(
        use.percent for _, uses in moments for index, use in enumerate(uses) if cores.may_use(index)
    )
    others = used / 100 / len(moments) - sum(cores.had) / len(cores.had)
    return min(1.0, max(0.0, others / cores.reach))


def is_starved_of_late(state: RunState) -> bool:
    """Whether other programs have had most cores lately, while the program waited for one."""
    lacked = sum(each.lacked_of_late for each in state.processes.values() if each.alive)
    return (
        not state.cores.is_granted_less
        and lacked >= STARVED_PERCENT
        and others_of_late(state) >= STARVED_OTHERS_SHARE
    )


def core_time(state: RunState, found: Phases) -> CoreTime:
    """Who used the cores over the whole run."""
    cores = state.cores
    samples = 100 * max(1, cores.samples)
    own = cores.own_total / samples
    used = sum(total for index, total in enumerate(cores.percent_total) if cores.may_use(index))
    amounts = found.total if found.workers or found.main is None else found.main.amounts
    without = amounts[Phase.WAITING_FOR_CORE]
    worked = without + amounts[Phase.WORKING_ON_CPU] + amounts[Phase.WORKING_OFF_CPU]
    others = max(0.0, used / samples - own)
    return CoreTime(cores.count, cores.reach, own, others, without, worked)


def starved_in_words(time: CoreTime) -> list[str]:
    """Sentences that other programs have the cores, the longest first; empty if not so."""
    if not time.is_starved:
        return []
    share = f"{min(1.0, time.others / time.reach):.0%}"
    cores = f"the {time.reach} cores" if time.reach > 1 else "the one core that this may use"
    had = f"other programs have {share} of {cores}"
    return [
        f"{had}: this one's work was ready, but had no core, for {duration(time.without)} of"
        f" {duration(time.worked)}",
        f"{had}: work had no core for {duration(time.without)} of {duration(time.worked)}",
        had,
    ]
