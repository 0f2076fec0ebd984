"""The results of a run: the ``--json`` document, and a summary for the end of a headless run."""

from __future__ import annotations

from heapq import nlargest
from itertools import islice
from typing import Any

from mpviz.trace.explain import time_report
from mpviz.trace.explain.chains import Asked
from mpviz.trace.explain.stalls import as_it_waits
from mpviz.trace.explain.threads import stacks_of, threads_of
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.primitive import ObjectReport
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.processes.identity import described, end_and_sender
from mpviz.trace.model.processes.process import Process, Stuck
from mpviz.trace.model.processes.programs import unobserved_run
from mpviz.trace.model.state import Finding, LogEntry, RunState
from mpviz.trace.model.wait_kinds import behind_waits

MOST_LISTED = 10
"""Maximum number of lines for each kind of object, findings and troubles; JSON has all."""

MOST_OF_A_RULE = 3
"""Maximum number of findings of one rule that are told."""


def document(state: RunState) -> dict[str, Any]:
    """The state as plain data for JSON; times in seconds from the start of the run.

    Fields are added from version to version, never renamed.
    """
    sections: dict[str, Any] = {"run": _run(state)}
    for primitive in PRIMITIVES:
        if primitive.document is not None:
            sections.update(primitive.document(state))
        report = primitive.report
        if report is not None:
            entries = [report.entry(state, each) for each in report.objects(state)]
            sections[report.section or report.things] = entries
    asked = Asked()
    for entry in sections["processes"]:
        process = state.processes[entry["id"]]
        entry["wait"] = _wait(state, process, asked)
        entry["stacks"] = stacks_of(state, process)
        entry["threads"] = threads_of(state, process)
    sections["findings"] = [_finding(state, each) for each in state.findings.values()]
    sections |= time_report.document(state)
    sections["cores"] = _cores(state)
    sections["stream"] = {
        "records": state.records,
        "lost": state.lost,
        "probe_errors": state.probe_errors,
        "unreadable": state.unreadable,
        "lost_of": {process.key: process.lost for process in _losers(state)},
        "lost_unknown": list(state.hidden_losses),
    }
    return sections


def summary(state: RunState) -> str:
    """A few lines that say how the run went, with a line for each object that it used."""
    if state.failure:
        return f"mpviz: {state.failure}"
    return "\n".join(f"mpviz: {line}" for line in _lines(state))


def _run(state: RunState) -> dict[str, Any]:
    run = state.run
    main = state.processes.get(state.main)
    return {
        "target": run.target if run else "",
        "argv": run.arguments if run else [],
        "python": run.python if run else "",
        "python_version": main.python if main else "",
        "start_method": _start_method(state),
        "duration": _duration(state),
        "exit_code": state.exit_code,
        "error": state.failure or None,
        "attached": (run.attached or None) if run else None,
        "hang": [_stuck(state, each) for each in state.stuck],
        "mpviz_version": run.version if run else "",
    }


def _stuck(state: RunState, stuck: Stuck) -> dict[str, Any]:
    """A process that is stuck, and its wait."""
    process = state.processes[stuck.process]
    wait = _as_document(state, stuck)
    return {"pid": process.pid, "name": process.name, "waits_for": wait.pop("words"), **wait}


def _wait(state: RunState, process: Process, asked: Asked) -> dict[str, Any] | None:
    """What it waits for, or waited for when it ended."""
    waits = as_it_waits(state, process, asked) if process.alive else process.last_wait
    return None if waits is None else _as_document(state, waits)


def _as_document(state: RunState, waits: Stuck) -> dict[str, Any]:
    """A wait with its chain, from the process to the one that is at work, or to a dead end."""
    pids = [state.processes[key].pid for key in waits.chain]
    return {
        "what": waits.what,
        "object": waits.object,
        "since": (waits.since - state.origin) / 1e9,
        **_place(state, waits.site),
        "words": waits.words,
        "chain": {"pids": pids, "words": waits.chain_words},
    }


def _finding(state: RunState, finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "message": finding.message,
        "cause": finding.cause,
        "fix": finding.fix,
        "pids": [state.processes[key].pid for key in finding.processes],
        "objects": list(finding.objects),
        "since": state.seconds(finding.since),
        "found": state.seconds(finding.found),
        "over": state.seconds(finding.over),
    }


def _place(state: RunState, number: int) -> dict[str, Any]:
    """The file and line of a site; None for both if it is unknown."""
    site = state.sites.get(number)
    return {"file": site.file if site else None, "line": site.line if site else None}


def _start_method(state: RunState) -> str:
    """The start method that was asked for, else the first that the program used, else empty."""
    if state.run and state.run.start_method:
        return state.run.start_method
    seen = [process.start_method for process in state.processes.values()]
    return next((method for method in seen if method), "")


def _duration(state: RunState) -> float:
    return (state.end - state.origin) / 1e9


def _cores(state: RunState) -> list[dict[str, Any]]:
    cores = state.cores
    return [
        {
            "index": index,
            "mean_percent": total / max(1, cores.samples),
            "usable": cores.may_use(index),
        }
        for index, total in enumerate(cores.percent_total)
    ]


def _objects(state: RunState, report: ObjectReport) -> list[str]:
    """A line for each object; if there are very many, only for the most important ones."""
    found = report.objects(state)
    shown = nlargest(MOST_LISTED, found, key=report.weight) if len(found) > MOST_LISTED else found
    more = _more(len(found), report.thing, report.things)
    return [*(report.line(state, each) for each in shown), *more]


def _more(number: int, thing: str, things: str) -> list[str]:
    """One line that says how many things have no line of their own; no line if all have one."""
    hidden = number - MOST_LISTED
    return [f"and {plural(hidden, f'more {thing}', f'more {things}')}"] if hidden > 0 else []


def _trouble(state: RunState, entry: LogEntry) -> str:
    """What went wrong; of many alike the first, and how many there are."""
    process = state.processes.get(entry.process)
    words = f"{described(process)}: {entry.text}" if process else entry.text
    more = state.alike(entry) - 1
    return words + f" (and {more:,} more alike)" * (more > 0)


def _lines(state: RunState) -> list[str]:
    main = state.processes.get(state.main)
    fate = end_and_sender(main) if main else "never seen"
    name = state.run.target if state.run else "run"
    processes = plural(len(state.processes), "process")
    fate += _request_in_words(state, main) if main else ""
    lines = [f"{name}: {fate} after {duration(state.end - state.origin)}, {processes}"]
    unobserved = unobserved_run(state)
    lines += [unobserved] if unobserved else []
    for primitive in PRIMITIVES:
        if primitive.report is not None:
            lines += _objects(state, primitive.report)
    lines += time_report.summary(state)
    lines += _findings(state)
    lines += _stuck_in_words(state)
    troubles = [each for each in state.troubles if not _is_in_a_finding(state, each)]
    lines += [f"!! {_trouble(state, entry)}" for entry in troubles[:MOST_LISTED]]
    lines += _more(len(troubles), "trouble in the log", "troubles in the log")
    slow = sum(bool(process.slow_way) for process in state.processes.values())
    if slow:
        who = plural(slow, "process tells its", "processes tell their")
        lines.append(f"{who} events through the pipe instead of shared memory, which is slower")
    return [*lines, losses_in_words(state)]


def _request_in_words(state: RunState, main: Process) -> str:
    """What a person asked for before the end, unless the exit status says that already."""
    if not main.ended_on_request or "mpviz" in end_and_sender(main):
        return ""
    return " on request" if state.told_to_end >= 0 else " at a Ctrl-C"


def _findings(state: RunState) -> list[str]:
    """The findings, each rule with a few examples; why it is so and what to do stands once."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in state.findings.values():
        by_rule.setdefault(finding.rule, []).append(finding)
    lines: list[str] = []
    for rule, found in islice(by_rule.items(), MOST_LISTED):
        explained: set[str] = set()
        for finding in found[:MOST_OF_A_RULE]:
            lines.append(finding_in_words(state, finding))
            advice = f"   {finding.cause} {finding.fix}"
            lines += [] if advice in explained else [advice]
            explained.add(advice)
        more = len(found) - MOST_OF_A_RULE
        lines += [f"   and {plural(more, 'more finding')} of {rule}"] if more > 0 else []
    return [*lines, *_more(len(by_rule), "kind of finding", "kinds of finding")]


def finding_in_words(state: RunState, finding: Finding) -> str:
    """What is wrong, by which rule, and until when it was so."""
    over = duration(finding.over - state.origin)
    until = f", no longer so after {over}" if finding.over >= 0 else ""
    return f"!! {finding.message} ({finding.rule}{until})"


def _stuck_in_words(state: RunState) -> list[str]:
    """The processes that could not go on, without those that a finding names."""
    named = {key for finding in state.findings.values() for key in finding.processes}
    stuck = [each for each in state.stuck if each.process not in named]
    lines = [
        f"!! stuck: {described(state.processes[each.process])} waits {behind_waits(each.words)}"
        + f", at {state.place(each.site)}" * (each.site in state.sites)
        for each in stuck[:MOST_LISTED]
    ]
    return lines + _more(len(stuck), "process is stuck", "processes are stuck")


def _is_in_a_finding(state: RunState, trouble: LogEntry) -> bool:
    """Whether a finding names the process that this went wrong in: it says why, too."""
    process = state.processes.get(trouble.process)
    return process is not None and any(
        process.key in finding.processes and described(process) in finding.message
        for finding in state.findings.values()
    )


def losses_in_words(state: RunState) -> str:
    """How many records were read, and how many are missing."""
    if not (state.lost or state.hidden_losses or state.probe_errors or state.unreadable):
        return f"{plural(state.records, 'event')}, none lost"
    losers = len(_losers(state))
    parts = [f"{state.lost} of {state.records + state.lost} events lost"]
    if losers:
        parts[0] += f", of {plural(losers, 'process')}"
    if state.hidden_losses:
        parts.append("and more may be lost, for the reasons above; how many is not known")
    if state.probe_errors:
        parts.append(
            f"{plural(state.probe_errors, 'probe error')}, the last in {state.last_probe_error}"
        )
    if state.unreadable:
        parts.append(f"{state.unreadable} unreadable")
    return "!! " + ", ".join(parts)


def _losers(state: RunState) -> list[Process]:
    """The processes that have lost records."""
    return [process for process in state.processes.values() if process.lost]
