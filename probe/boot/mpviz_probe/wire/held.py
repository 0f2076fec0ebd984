"""Records that are held, because writing them now would give up the GIL, and written later.

They are in ``wire._held``, in the order in which things happened.
"""

from _thread import get_ident
from itertools import starmap
from time import monotonic_ns, sleep

from .. import wire
from ..guard import is_the_programs, raise_if_the_programs, seamless
from .slots import PAUSE_SECONDS, goes_into_ring, is_in_ring, skip


def hold(tell):
    """Hold a function that writes a record; it is called when the next record is written.

    Its parameter ``told`` is a list, to be passed on to :func:`mpviz_probe.wire.put`.
    """
    wire._held.append((tell,))


def hold_record(told, *record):
    """Hold a record: number, time, thread, form and values. ``told`` grows in the same step."""
    told.extend(map(wire._held.append, (record,)))


@seamless
def hold_after_all(error, told, memory, number, *record, is_again=False):
    """Hold a record after this exception; raise it again unless the ring caused it."""
    try:
        if is_the_programs(error) or (isinstance(error, wire._DOES_NOT_FIT) and not is_again):
            if told is None:
                told = [number] if is_in_ring(memory, number) else []
            if not told:
                if number:
                    # The viewer reads no further than a slot without its number.
                    skip(number)
                stamp, *values = record
                hold_record(told, number, stamp or monotonic_ns(), get_ident(), *values)
    except BaseException as another:
        hold_after_all(another, told, memory, number, *record, is_again=True)
    if is_the_programs(error) or is_again or not isinstance(error, wire._DOES_NOT_FIT):
        raise error


def is_behind():
    """Whether records are held."""
    return bool(wire._held)


def catch_up():
    """Write the held records. Call this only where a wait does no harm.

    When it returns, the records that another thread has begun to write are written, too: what this
    thread does next may be their effect.
    """
    thread = get_ident()
    while wire._held or wire._writer:
        if _writes_first(thread):
            try:
                _write_held()
            finally:
                wire._writer.clear()
        else:
            sleep(PAUSE_SECONDS)


def _writes_first(thread):
    """Whether it is this thread that writes held records now.

    No lock does this: an exception of the program, or a fork, could leave it locked for ever.
    """
    mine = thread, monotonic_ns() + wire.PATIENCE_MILLISECONDS * 1_000_000
    # One step, so only one thread can be the first.
    writer, deadline = wire._writer.setdefault("writer", mine)
    if writer == thread:
        return True
    if monotonic_ns() < deadline:
        return False
    # It is gone, or an exception came before it could say that it was done.
    wire._writer["writer"] = mine
    return True


def _write_held():
    while wire._held:
        taken: "list[tuple]" = []
        told: "list[int]" = []
        try:
            # Removed from the one and stored in the other in one step.
            taken.extend(starmap(wire._held.popleft, ((),)))
            _tell_held(told, *taken[0])
        except BaseException as error:
            if not taken and not is_the_programs(error):
                # Another thread took the last one, since this one had to wait too long.
                return
            _hold_again(error, taken, told)
            raise


@seamless
def _hold_again(error, taken, told):
    """Hold a record again that the program's exception has kept from being told."""
    try:
        if is_the_programs(error) and not told:
            # Removed from the one and stored in the other in one step.
            wire._held.extendleft(map(list.pop, [taken] * len(taken)))
    except BaseException as another:
        _hold_again(another, taken, told)
        raise


def _tell_held(told, number, *record):
    if not record:
        # It is a function.
        number(told=told)
        return
    stamp, thread, *values = record
    # If the ring was read beyond this number, its slot may belong to another record by now.
    try:
        is_told = (
            wire._ring is not None
            and number > wire._layout.number_read(wire._ring)
            and values[0].__class__ is int
            and goes_into_ring(told, number, *values, stamp=stamp, thread=thread)
        )
    except wire._DOES_NOT_FIT as error:
        raise_if_the_programs(error)
        is_told = False
    if not is_told and wire._descriptor >= 0:
        form, *values = values
        kind, fields, count = wire._lines[form] if form.__class__ is int else form
        line = fields % tuple(values[:count])
        wire.put(kind, line, stamp, number=number, thread=thread, told=told)
