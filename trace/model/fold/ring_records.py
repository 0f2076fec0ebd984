"""The fold of ring records: those of one process at once if possible, else one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import length_hint

from mpviz.trace.model.fold.handlers import PART_HANDLERS, RING_HANDLERS
from mpviz.trace.model.fold.senders import leave_out, refuse, speaker_of
from mpviz.trace.model.primitive import FoldRecord
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import SHORT, Stretch, parts_of
from mpviz.trace.model.told import Form, RingRecord

_WORTH_IT = 100
"""How many records, folded at once, make up for one that cannot be (measured)."""


def fold_stretch(state: RunState, stretch: Stretch) -> None:
    """Fold the records of one process at once if possible, else one by one."""
    columns, start = stretch.columns, stretch.start
    process = state.by_pid.get(columns.pid)
    if process is None or len(stretch) < SHORT:
        _fold_one_by_one(state, stretch)
        return
    forms = columns.forms[start : stretch.end]
    alone = {form for form in set(forms) if not _has_part(form)}
    stops = [at for at, form in enumerate(forms, start) if form in alone] if alone else []
    if len(stops) * _WORTH_IT > len(forms):
        _fold_one_by_one(state, stretch)
        return
    for stop in stops:
        _fold_at_once(state, process, Stretch(columns, start, stop))
        _fold_one_by_one(state, Stretch(columns, stop, stop + 1))
        start = stop + 1
    _fold_at_once(state, process, Stretch(columns, start, stretch.end))


def _fold_one_by_one(state: RunState, stretch: Stretch) -> None:
    if stretch:
        fold_records(state, stretch.records())


def _has_part(form: Form) -> bool:
    """Whether there is a way to fold many records of this form at once."""
    quick = RING_HANDLERS.get(form.kind)
    return form.kind in PART_HANDLERS and quick is not None and quick.fields == form.fields


def _fold_at_once(state: RunState, process: Process, stretch: Stretch) -> None:
    """Fold a stretch in which each record has a part handler."""
    if not _fold_parts(state, process, stretch):
        # The first records may end a wait, or be the first uses of an object.
        columns, start, end = stretch.columns, stretch.start, stretch.end
        after = min(end, start + SHORT)
        _fold_one_by_one(state, Stretch(columns, start, after))
        rest = Stretch(columns, after, end)
        if not _fold_parts(state, process, rest):
            _fold_one_by_one(state, rest)


def _fold_parts(state: RunState, process: Process, stretch: Stretch) -> bool:
    """Fold each object's records at once; False if that would not leave the same state."""
    if len(stretch) < SHORT or 0 in process.waits:
        return False
    parts = parts_of(stretch, PART_HANDLERS)
    if parts is None:
        return False
    folds: list[Callable[[], None]] = []
    for (handler, object_id), part in parts.items():
        fold_part = handler.bind(state, process, object_id, part)
        if fold_part is None:
            return False
        folds.append(fold_part)
    columns, last = stretch.columns, stretch.end - 1
    state.records += len(stretch)
    process.records += len(stretch)
    process.highest_number = max(process.highest_number, columns.first + last)
    state.now = max(state.now, columns.times[last])
    for fold_part in folds:
        try:
            fold_part()
        except Exception as error:
            leave_out(state, columns.forms[last].kind, error)
    process.site = stretch.last_site() or process.site
    return True


def fold_records(state: RunState, records: list[RingRecord]) -> None:
    """Fold records from rings, with one call for each, that of its handler: there may be millions.

    No such record ends a process or creates an object, so bound handlers hold for all of them.
    """
    waiting = iter(records)
    bound: dict[Form, tuple[Process, FoldRecord]] = {}
    while True:
        try:
            _fold_while_it_goes(state, waiting, bound)
            break
        except Exception as error:
            kind = records[len(records) - length_hint(waiting) - 1][1].kind
            leave_out(state, kind, error)
    state.now = max(state.now, records[-1][0])


def _fold_while_it_goes(
    state: RunState, records: Iterator[RingRecord], bound: dict[Form, tuple[Process, FoldRecord]]
) -> None:
    for time, form, thread, number, site, first, second, third in records:
        try:
            process, fold_record = bound[form]
        except KeyError:
            event = form.event((time, form, thread, number, site, first, second, third))
            speaker = state.by_pid.get(form.pid) or speaker_of(state, event)
            if speaker is None:
                refuse(state, event)
                continue
            process, fold_record = bound[form] = speaker, _bound(state, speaker, form)
        state.records += 1
        process.records += 1
        if number > process.highest_number:
            process.highest_number = number
        fold_record(time, thread, site, first, second, third)


def _bound(state: RunState, process: Process, form: Form) -> FoldRecord:
    """The function that folds the records of a form; they are counted even if it cannot be made."""
    try:
        return form.bind(state, process, form.object)
    except Exception as error:
        leave_out(state, form.kind, error)
        return _count_only


def _count_only(*_: int) -> None:
    """Fold a record about something that is not kept."""
