"""The wait chain: from a process that waits to the one that is at work, or to the dead end."""

from __future__ import annotations

import textwrap

from mpviz.trace.explain.chains import (
    Asked,
    Chain,
    End,
    Link,
    chain_in_words,
    chain_of,
    end_in_words,
)
from mpviz.trace.explain.stalls import MOST_LINKS
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.primitive import Unblockers
from mpviz.trace.model.processes.identity import described, exit_in_words
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import waits_in_words
from mpviz.tui.panels.listing import from_top
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import mark, moment_of, tag
from mpviz.tui.render.palette import activity_style
from mpviz.tui.render.rows import Part, Row, crop, fitting, length, row, selected
from mpviz.tui.render.states import in_words
from mpviz.tui.render.view import View

NAME = "why blocked"
GUTTER = 4
"""Cells at the left, in which the way back of a cycle is drawn."""
WIDEST_NAME = 22


def shown_chain(state: RunState, view: View) -> Chain | None:
    """The chain to show; None if no process waits.

    It stays while a person goes along it. Else it is the selected process's, or the longest if none
    is selected, or one that has ended.
    """
    root = state.processes.get(view.chain)
    if root is not None:
        chain = chain_of(state, root)
        if any(link.process.key == view.selected for link in chain.links):
            return chain
    start = state.processes.get(view.selected)
    if start is not None and not start.alive:
        # The dead wait for nothing: who waits because of them is to be seen.
        return longest_chain(state) or chain_of(state, start)
    return chain_of(state, start) if start is not None else longest_chain(state)


def longest_chain(state: RunState) -> Chain | None:
    """The chain with the most links, of several the one whose first has waited longest."""
    asked = Asked()
    chains = [
        chain_of(state, process, asked, MOST_LINKS)
        for process in state.processes.values()
        if process.waits
    ]

    def rank(chain: Chain) -> tuple[int, int]:
        wait = chain.links[0].wait
        return -len(chain.links), wait.since if wait is not None else 0

    longest = min(chains, key=rank, default=None)
    return chain_of(state, longest.links[0].process, asked) if longest is not None else None


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """A row for each link and one for what leads to the next, then all of it as a sentence."""
    chain = shown_chain(state, view)
    if chain is None:
        return []
    rows: list[Row] = []
    tags = max(len(tag(each.process)) for each in chain.links)
    names = min(WIDEST_NAME, max(len(_name(each)) for each in chain.links))
    for index in range(len(chain.links)):
        rows.append(_link(state, view, chain, index, (tags, names, width)))
        rows += _arrow(state, view, chain, index, width)
    # It begins with a name, which is written as it is.
    words = "Nobody waits" if _nobody_waits(chain) else chain_in_words(state, chain)
    wrapped = textwrap.wrap(words + ".", max(10, width))
    if len(rows) + 1 + len(wrapped) <= height:
        rows += [row(""), *(row((line, "dim")) for line in wrapped)]
    return from_top(rows, height, view.scroll.get(NAME, 0))


def _link(state: RunState, view: View, chain: Chain, index: int, size: tuple[int, int, int]) -> Row:
    """Who it is, what it waits for and since when; the last says what it does."""
    tags, names, width = size
    link = chain.links[index]
    process = link.process
    parts: list[Part] = [_ring(chain, index), *mark(process, tags)]
    parts.append((" " + _name(link).ljust(names)[:WIDEST_NAME] + "  ", "strong"))
    parts += _doing(state, view, link, width - length(parts))
    chosen = process.key == view.selected
    return Row(selected(parts, width) if chosen else crop(parts, width), process.key)


def _name(link: Link) -> str:
    thread = f" thread {link.thread}" if link.thread else ""
    return described(link.process) + thread


def _doing(state: RunState, view: View, link: Link, room: int) -> list[Part]:
    process, wait = link.process, link.wait
    if wait is None:
        if process.exit_code == 0 and not process.alive:
            return [(f"has ended with {exit_in_words(process)}", "dim")]
        if not process.alive:
            return [(f"is dead: {exit_in_words(process)}", "trouble")]
        return [(fitting(in_words(state, process), max(1, room)).rstrip(), "good")]
    waited = duration(max(0, moment_of(state, view) - wait.since))
    # Who holds it, the next row says.
    what = waits_in_words(state, wait).split(", ", maxsplit=1)[0].removeprefix("waits ")
    place = state.place(wait.site)
    ways = [f"waits {waited} {what}, at {place}"] if place else []
    ways += [f"waits {waited} {what}", f"waits {what}", what]
    return [(fitting(ways, max(1, room)).rstrip(), activity_style(wait.activity))]


def _arrow(state: RunState, view: View, chain: Chain, index: int, width: int) -> list[Row]:
    """What the next one has to do with the wait; at the end of the chain, how it ends."""
    is_last = index == len(chain.links) - 1
    unblockers = chain.links[index].unblockers
    if unblockers is None:
        return []
    heard = _age_of_news(state, view, unblockers)
    others = len(unblockers.threads) - 1
    more = f", and {others} {'other' if others == 1 else 'others'}" if others > 0 else ""
    if not is_last:
        name = _name(chain.links[index + 1])
        return [
            row(
                (_bar(chain, index), "trouble"),
                ("│ ", "dim"),
                (f"{name} {unblockers.role}{more}{heard}", "dim"),
            )
        ]
    if chain.end is End.CYCLE:
        name, end = _name(chain.links[chain.back_to]), end_in_words(state, chain)[0]
        ways = [f"{name} {unblockers.role}{heard}: {end}", f"{name} {unblockers.role}: {end}"]
        return [row((" ╰─ ", "trouble"), (fitting(ways, max(1, width - GUTTER)), "trouble"))]
    style = "trouble" if chain.end is End.NOBODY else "dim"
    return [row((" " * GUTTER + "╵ ", "dim"), (end_in_words(state, chain)[0], style))]


def _age_of_news(state: RunState, view: View, unblockers: Unblockers) -> str:
    """How old the news of a holder is, where later news may be among the events that got lost."""
    if unblockers.as_of < 0 or not (state.lost or state.hidden_losses):
        return ""
    ago = duration(max(0, moment_of(state, view) - unblockers.as_of))
    return f" (as told {ago} ago; some events were lost)"


def _ring(chain: Chain, index: int) -> Part:
    """The way back of a cycle, at the row of a link."""
    if chain.end is not End.CYCLE or index < chain.back_to:
        return (" " * GUTTER, "")
    return (" ╭▸ " if index == chain.back_to else " │  ", "trouble")


def _bar(chain: Chain, index: int) -> str:
    return " │  " if chain.end is End.CYCLE and index >= chain.back_to else " " * GUTTER


def _nobody_waits(chain: Chain) -> bool:
    """Whether it is that of a process that has ended, and no other waits."""
    return chain.end is End.DEAD and len(chain.links) == 1


def title(state: RunState, view: View) -> str:
    """Whose chain it is, and how it ends."""
    chain = shown_chain(state, view)
    if chain is None:
        return "why blocked"
    if _nobody_waits(chain):
        return "why blocked: nobody waits"
    ended_well = chain.links[-1].process.exit_code == 0
    ends = {
        End.AT_WORK: "",
        End.DEAD: f", ends with one that {'has ended' if ended_well else 'is dead'}",
        End.CYCLE: ", a cycle",
        End.NOBODY: ", a dead end",
        End.UNKNOWN: "",
        End.LATER: "",
    }
    return f"why blocked: {_name(chain.links[0])}{ends[chain.end]}"


def wanted_height(state: RunState, view: View) -> int:
    """Two rows for each link, and some for the sentence."""
    chain = shown_chain(state, view)
    return 2 * len(chain.links) + 4 if chain is not None else 1


PANEL = Panel(
    name=NAME,
    title=title,
    help=(
        "From a process to what it waits for, to the process that has it, to what that one waits "
        "for, and so on. The chain ends at a process that is at work or dead, at a cycle of "
        "processes that wait for each other, or at nobody. It is the chain of the selected "
        "process, else the longest. The key w goes from link to link. The holder of a lock is "
        "the one last told, and how long ago that was is said if events got lost; for queues, "
        "pipes and events, mpviz knows which processes used them, not which will."
    ),
    body=draw,
    nothing="no process waits",
    at_first=False,
    used=lambda state: len(state.processes) > 1,
    wanted_height=wanted_height,
)
