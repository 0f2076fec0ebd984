"""Rule: processes that run many threads each at once, more than there are cores for.

A thread that sleeps, or waits for Python's global lock, wants no core. The kernel counts how long
each thread had a core and how long it waited for one, so only threads count that did want one.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.findings.too_many_for_cores import (
    CROWD_MORE,
    CROWD_OWN_SHARE,
    CROWD_TIMES,
    are_in_use,
    most_for,
    others_in_words,
)
from mpviz.trace.model.cores import cores_in_words, why_so_few
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.state import CROWD_SAMPLES, Finding, RunState

THREADS_EACH = 1.7
"""Minimum number of threads that want to run at once, on average, for a process to count."""

THREADS_SHARE = 0.7
"""Minimum share (0 to 1) of the threads that want to run that are in such processes."""


def _find(state: RunState) -> Iterator[Finding]:
    cores = state.cores
    if len(cores.runnable) < CROWD_SAMPLES or state.frozen:
        return
    wanted = sum(cores.runnable) / CROWD_SAMPLES
    had = sum(cores.had) / CROWD_SAMPLES
    if wanted < most_for(cores.capacity) or had < CROWD_OWN_SHARE * cores.capacity:
        return
    threaded = [
        each
        for each in state.processes.values()
        if each.alive and each.began >= 0 and each.threads_at_once >= THREADS_EACH
    ]
    threads = sum(each.threads_at_once for each in threaded)
    if threads < THREADS_SHARE * wanted or not are_in_use(state, had):
        return
    threaded.sort(key=lambda process: (-process.threads_at_once, process.number))
    count = len(threaded)
    who = (
        f"{plural(count, 'process')} run{'s' * (count == 1)} about {round(threads / count)} threads"
    )
    yield Finding(
        subject="threads",
        message=f"{who}{' each' * (count > 1)} at once: {round(threads)} threads that want to run"
        f" on {cores_in_words(cores)}, so that each gets {had / wanted:.0%} of a core"
        + others_in_words(state, had),
        cause="Libraries such as OpenMP, BLAS and MKL (NumPy, SciPy, PyTorch) start a thread for"
        " each core of the machine in each process that uses them; so may the program itself. More"
        " threads than cores take turns, and wait for each other.",
        fix="Have each process use one thread: set OMP_NUM_THREADS=1, OPENBLAS_NUM_THREADS=1 and"
        " MKL_NUM_THREADS=1 before these libraries are imported, or call"
        " threadpoolctl.threadpool_limits(1) in the pool's initializer. " + why_so_few(cores),
        processes=tuple(process.key for process in threaded),
        since=cores.history[-CROWD_SAMPLES][0],
    )


RULE = Rule(
    name="too-many-threads",
    says="processes that run many threads each, more in all than there are cores",
    threshold=f"{CROWD_TIMES:g} threads that want to run for each core that the program may use,"
    f" and at least {CROWD_MORE} more than there are cores, averaged over"
    f" {CROWD_SAMPLES / 10:g} s, {THREADS_SHARE:.0%} of them in processes that run"
    f" {THREADS_EACH:g} or more",
    exempt="threads that sleep, wait, or take turns under Python's global lock; programs that get"
    " no core because other programs use them",
    find=_find,
    stays=Stays.OVER,
)
