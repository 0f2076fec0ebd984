"""Wait chains of streams that nobody would think of: each comes to an end, and says what it is."""

from __future__ import annotations

from hypothesis import given

from helpers.fold_model import play, streams
from mpviz.trace.explain.chains import Chain, End, chain_from, chain_in_words
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.primitive import Thread
from mpviz.trace.model.state import RunState


def chains_of(state: RunState) -> list[Chain]:
    """From every thread that waits, and from every process."""
    starts = {Thread(process.key) for process in state.processes.values()}
    starts |= {
        Thread(process.key, thread)
        for process in state.processes.values()
        for thread in process.waits
    }
    return [chain_from(state, start) for start in sorted(starts)]


@given(streams)
def test_a_chain_has_each_thread_once_and_ends_as_it_says(
    steps: list[tuple[int, int, int, int]],
) -> None:
    state = RunState()
    for event in play(steps, ended=False).events:
        follow(state, [event])
        for chain in chains_of(state):
            check(state, chain)


def check(state: RunState, chain: Chain) -> None:
    threads = [(link.process.key, link.thread) for link in chain.links]
    assert len(set(threads)) == len(threads)
    *waiting, last = chain.links
    assert all(link.wait is not None for link in waiting)
    for link, following in zip(chain.links, chain.links[1:], strict=False):
        assert link.unblockers is not None
        assert Thread(following.process.key, following.thread) in link.unblockers.threads
    assert (last.wait is None) is (chain.end in (End.AT_WORK, End.DEAD))
    assert last.process.alive or chain.end in (End.DEAD, End.CYCLE, End.NOBODY, End.UNKNOWN)
    assert bool(chain.cycle) is (chain.end is End.CYCLE)
    if chain.end is End.CYCLE:
        assert last.unblockers is not None
        first = chain.cycle[0]
        assert Thread(first.process.key, first.thread) in last.unblockers.threads
    assert chain_in_words(state, chain)
