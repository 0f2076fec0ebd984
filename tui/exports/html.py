"""HTML: a report in one file that a person can mail, and that asks for nothing but itself.

There is no script in it, and its own policy forbids any, and any request: whatever a program calls
its processes, its reader's browser only shows it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from html import escape
from pathlib import Path

from mpviz.trace.explain.phases import phases
from mpviz.trace.explain.time_report import outside_in_words
from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.model.events import RunStarted
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.processes.identity import described, end_and_sender, ended_badly
from mpviz.trace.model.state import Finding, LogEntry, RunState
from mpviz.trace.model.wait_kinds import behind_waits
from mpviz.trace.record.recording import Header
from mpviz.tui.exports.chart import timeline
from mpviz.tui.exports.report_phases import where_the_time_went
from mpviz.tui.exports.report_stats import ReportStats, gather
from mpviz.tui.exports.shapes import colours, fills
from mpviz.tui.exports.svg import results_of, stretch_of
from mpviz.tui.exports.tables import tables
from mpviz.tui.render.formatting import count, moment

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"

_SHEET = Path(__file__).with_name("report.css")

TROUBLES = 50
"""Maximum number of lines about what went wrong; the rest is counted."""


def write(passage: Passage, output: Write) -> list[str]:
    """Write the report."""
    stats = gather(passage)
    for piece in report(passage.state, stats, passage.recording.header, passage.trouble):
        output(piece)
    return []


def report(state: RunState, stats: ReportStats, header: Header, trouble: str) -> Iterator[str]:
    """The report, piece by piece."""
    name = escape(_name(state))
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{name} · mpviz</title><link rel="icon" href="data:,">'
        f"<style>{_style_sheet()}</style></head><body><main>\n"
    )
    yield from _head(state, header)
    yield from _summary(state, stats)
    yield from _missing(state, trouble)
    yield from _findings(state)
    yield from timeline(state, stats)
    yield from where_the_time_went(state)
    yield from tables(state, stats)
    yield from _troubles(state)
    yield (
        f"<footer>Made by mpviz {escape(header.version)} from what the program's processes told"
        " while they ran. Times are seconds of the wall clock from the start of the run."
        "</footer>\n</main></body></html>\n"
    )


def _style_sheet() -> str:
    """The whole sheet, for screens light and dark and of any width, and for paper."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{colours(True)}}}}}"
    palette = f":root{{{colours(False)}}}{dark}{fills()}"
    return _SHEET.read_text(encoding="utf-8") + palette


def _name(state: RunState) -> str:
    return state.run.target if state.run is not None else "a run"


def _head(state: RunState, header: Header) -> Iterator[str]:
    run, main = state.run, state.processes.get(state.main)
    yield f'<header><div class="brand">mpviz</div><h1>{escape(_name(state))}</h1>'
    if run is None:
        yield "</header>"
        return
    facts = [
        header.began[:16].replace("T", " ") + " UTC" if header.began else "",
        f"Python {main.python}" if main is not None and main.python else "",
        _start_methods(state),
        plural(run.cores, "core"),
    ]
    yield f'<p class="dim">{escape(" · ".join(fact for fact in facts if fact))}</p>'
    yield f'<p class="dim"><code>{escape(_command(run))}</code></p></header>\n'


def _command(run: RunStarted) -> str:
    """The command, without the folder of its interpreter, which is of no use to other readers."""
    program, *rest = run.arguments or [""]
    return shlex.join([Path(program).name if program == run.python else program, *rest])


def _start_methods(state: RunState) -> str:
    seen = dict.fromkeys(process.start_method for process in state.processes.values())
    return ", ".join(method for method in seen if method)


def _summary(state: RunState, stats: ReportStats) -> Iterator[str]:
    main = state.processes.get(state.main)
    start, end = stretch_of(state)
    if state.failure:
        yield f'<p class="verdict bad">{escape(state.failure)}</p>'
    elif main is None:
        yield '<p class="verdict">No process was seen.</p>'
    else:
        bad = " bad" if ended_badly(main) else ""
        fate = end_and_sender(main) if not main.alive else "still running"
        yield f'<p class="verdict{bad}">{_how_it_ended(fate, duration(end - start))}</p>'
    cpu = sum(process.cpu_seconds for process in state.processes.values())
    cards = [
        (duration(end - start), "from start to end"),
        (count(len(state.processes)), "processes" if len(state.processes) != 1 else "process"),
        (duration(cpu * 1e9), "of CPU time in all"),
        (f"{cpu * 1e9 / (end - start):.2f}", "cores used on average"),
    ]
    if stats.tasks:
        cards.append((count(stats.tasks), "tasks" if stats.tasks != 1 else "task"))
    yield '<ul class="cards">'
    for number, words in cards:
        yield f"<li><b>{escape(number)}</b><span>{escape(words)}</span></li>"
    yield "</ul>\n"
    results = results_of(state)
    if results:
        lines = "".join(f"<li>{escape(result)}</li>" for result in results)
        yield f'<h2>Results</h2><ul class="results">{lines}</ul>\n'


def _how_it_ended(fate: str, time: str) -> str:
    words = f"It ended with {fate}" if fate.startswith("exit code") else f"It was {fate}"
    if fate.startswith("ended,"):
        words = "It ended, its exit status is unknown"
    if fate == "still running":
        return f"It was still running when the recording ended, after {time}."
    return f"{escape(words)}, after {time}."


def _missing(state: RunState, trouble: str) -> Iterator[str]:
    """What is not known of the run, which a reader has to know first."""
    told = [f"The recording is not whole: {trouble}."] if trouble else []
    if state.lost or state.unreadable:
        told.append(
            f"{count(state.lost)} of {count(state.records + state.lost)} events were lost, and"
            f" {count(state.unreadable)} could not be read: what they told is not in here."
        )
    told += [
        f"More events may be lost; how many is not known: {each}." for each in state.hidden_losses
    ]
    for words in told:
        yield f'<p class="trouble">{escape(words)}</p>'


# What is wrong


def _findings(state: RunState) -> Iterator[str]:
    yield "<section><h2>Findings</h2>"
    for number, finding in enumerate(state.findings.values(), 1):
        yield from _finding(state, finding, number)
    if state.stuck:
        yield from _hang(state)
    for ways in outside_in_words(state, phases(state)):
        yield f"<p>From outside: {escape(ways[0])}.</p>"
    if not state.findings and not state.stuck:
        yield '<p class="dim">None: mpviz saw nothing wrong with this run.</p>'
    yield "</section>\n"


def _hang(state: RunState) -> Iterator[str]:
    yield '<div class="finding bad"><b>Nobody of the program was at work any more</b><ul>'
    for stuck in state.stuck:
        name = described(state.processes[stuck.process])
        place = state.place(stuck.site)
        since = moment(stuck.since - state.origin, 10_000_000)
        where = f" at {place}" if place else ""
        words = f"{name} waited{where} {behind_waits(stuck.words)}, from {since} on"
        yield f"<li>{escape(words)}</li>"
    yield "</ul></div>"


def _finding(state: RunState, finding: Finding, number: int) -> Iterator[str]:
    since = finding.since if finding.since >= 0 else finding.found
    times = f"since {moment(since - state.origin, 10_000_000)}"
    if finding.over >= 0:
        times = (
            f"from {moment(since - state.origin, 10_000_000)}"
            f" to {moment(finding.over - state.origin, 10_000_000)}"
        )
    names = [described(state.processes[key]) for key in finding.processes if key in state.processes]
    yield (
        f'<div class="finding"><span class="rule">{escape(finding.rule)}</span>'
        f"<b>{number}. {escape(finding.message)}</b>"
        f"<p>{escape(finding.cause)}</p><p>{escape(finding.fix)}</p>"
        f'<p class="dim small">{escape(", ".join([times, *names]))}</p></div>'
    )


def _alike(state: RunState, entry: LogEntry) -> str:
    more = state.alike(entry) - 1
    return f" (and {count(more)} more alike)" if more > 0 else ""


def _troubles(state: RunState) -> Iterator[str]:
    troubles = state.troubles
    if not troubles:
        return
    yield '<section><h2>What went wrong</h2><div class="scroll"><table><tr>'
    yield '<th class="n">at</th><th>process</th><th>what</th></tr>'
    for entry in troubles[:TROUBLES]:
        process = state.processes.get(entry.process)
        yield (
            f'<tr><td class="n">{moment(entry.time - state.origin, 1_000_000)}</td>'
            f'<td class="w">{escape(described(process)) if process is not None else ""}</td>'
            f"<td>{escape(entry.text)}{_alike(state, entry)}</td></tr>"
        )
    yield "</table></div>"
    if len(troubles) > TROUBLES:
        yield f'<p class="dim">and {count(len(troubles) - TROUBLES)} more</p>'
    yield "</section>\n"
