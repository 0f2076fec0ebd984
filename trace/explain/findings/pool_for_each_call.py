"""Rule: a new pool for each call, though one pool could do them all."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Pool, PoolSite
from mpviz.trace.model.state import Finding, RunState

POOLS_MADE = 8
"""Minimum number of pools that one line has made, and that are over."""

POOLS_STARTING_SHARE = 0.2
"""Minimum share (0 to 1) of their lives that passed until their workers were ready."""

POOLS_STARTING_NANOSECONDS = 300_000_000
"""Minimum time that this took, all pools together, nanoseconds."""


def _find(state: RunState) -> Iterator[Finding]:
    for site in state.table(PoolSite).values():
        if (
            site.gone >= POOLS_MADE
            # Those that are there at the same time may each have a purpose of its own.
            and site.at_once == 1
            and site.starting >= POOLS_STARTING_NANOSECONDS
            and site.starting >= POOLS_STARTING_SHARE * site.lived
        ):
            yield _finding(state, site)


def _nearly(state: RunState, site_id: str) -> bool:
    site = state.table(PoolSite).get(site_id)
    return site is not None and site.starting >= POOLS_STARTING_SHARE * site.lived / 2


def _finding(state: RunState, site: PoolSite) -> Finding:
    where = state.place(site.site) or "the same line"
    workers = plural(round(site.workers / site.made), "worker")
    share = site.starting / site.lived
    kind = state.table(Pool)[site.latest].kind
    return Finding(
        subject=site.id,
        message=f"{site.made} pools of {workers} each were made at {where}, one after another:"
        f" each lived for {briefly(site.lived / site.gone)} on average, and {share:.0%} of that"
        " passed before its workers were ready",
        cause="Each time the line is reached, a new pool starts processes, and ends them again.",
        fix=f"Make one {kind} before the loop, or once for the whole program, and use it for all"
        " calls.",
        processes=(site.process,),
        objects=(site.latest,),
        since=site.first,
    )


RULE = Rule(
    name="pool-for-each-call",
    says="a line that makes a new pool again and again, instead of using one",
    threshold=f"{POOLS_MADE} pools made at one line, one after another, of whose lives"
    f" {POOLS_STARTING_SHARE:.0%} and {briefly(POOLS_STARTING_NANOSECONDS)} in all passed before"
    " their workers were ready",
    exempt="a pool for each phase of a program; pools whose tasks take much longer than their"
    " workers' start; pools that are there at the same time",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
