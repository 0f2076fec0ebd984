"""The writing end of the EventQueue: a record is told in one step, with no lock and no thread.

What :func:`put` tells is one line of JSON of at most ``select.PIPE_BUF`` bytes in one write to the
FIFO, so the kernel neither tears it nor mixes it with another process's (POSIX, ``write`` to a
FIFO). What :func:`send` tells, many times a second, goes into the process's :mod:`ring
<mpviz_probe.ring>`, or like the others where there is none. Either way a SIGKILL of this process
cannot take back what they have returned from.

Writing to the FIFO gives up the GIL. Between two steps of a library that belong together, use
:func:`send_at_once`, which does not: a record that does not fit into the ring at once is held, and
written by :func:`catch_up` or together with the next record.

The state is module-level on purpose: there is one queue in a process, ``put`` runs inside the
locks of the observed program, and an attribute look-up on an object would be paid on each record.
"""

import os
import select
from _thread import get_ident
from errno import EBADF, ENXIO
from itertools import count, islice, starmap
from os import write
from time import monotonic_ns, sleep

# The viewer imports this module too, as part of a larger package.
from .descriptors import use
from .guard import is_the_programs, seamless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    # ``collections`` takes it from there; not every program imports ``collections``.
    from _collections import deque  # type: ignore[import-not-found]
except ImportError:
    from collections import deque

try:
    # The C function behind ``json``; importing ``json`` costs the program 8 ms (measured).
    from _json import encode_basestring_ascii as _quote
except ImportError:
    from json.encoder import encode_basestring_ascii as _quote

ENVIRONMENT_VARIABLE = "MPVIZ_EVENTS"
"""Holds the path of the FIFO, so that every descendant finds it, however it was started."""

PATIENCE_MILLISECONDS = 50
"""How long a writer waits, once, for room in a full pipe or ring before it does without."""

DROPPED_SUFFIX = ".dropped"
"""Suffix of a file beside the FIFO, with the number of the last record that a process dropped and
the count of all that it dropped."""

LINK_SUFFIX = ".dropped-link"
"""Suffix of a symbolic link whose text says the same: it needs no descriptor and hardly any space.
"""

RETRY_MILLISECONDS = 10
"""Milliseconds between two attempts to open the FIFO again if no descriptor was free."""

TEXT_LIMIT = 240
"""Characters of a text that go into a record; a longer one is cut and ends in an ellipsis."""

_TEXT_BYTES = 900

_PLAIN = (bool, bytes, float, int, type(None))
"""Types whose ``repr`` runs no code of the program."""

_type_name = type.__dict__["__name__"].__get__

_LOWEST_DESCRIPTOR = 100

# A program that closes all descriptors has to open this many files before one of them could get
# ours, between two looks at whether it is still ours. The kernel's table for it takes 32 KiB.
_CEILING = 4096

path = ""
_descriptor = -1
_inode = None
_pid = 0
_main_thread = 0
_numbers = count(1)
_drops = count(1)
_dropped = 0
_declared = 0
_last_dropped = 0
_account = ""
"""The path, without suffix, of the file that counts dropped records; empty before the first."""
_retry_at = 0
_full = False

_form_numbers = count(1)
_forms: "dict[int, bytes]" = {}
"""What goes into the ring of each form, by its number."""
_lines: "dict[int, tuple[bytes, bytes, int]]" = {}
"""Arguments for :func:`put`, by form number: the kind, the fields, and the number of values."""
_ring: "Any" = None
_first = 0
"""The ring is for the numbers after this one."""
_limit = 0
"""The first number for which the ring is known to have no room, as far as it was asked."""
_next_ring = 0
"""Below this number no ring is made: the last try failed, or the last ring was full."""
_held: "deque[tuple]" = deque()
"""Held records, each as number, time, thread, form and values, or as a function that writes it.

A number of 0 is still to be taken. The function gets the list ``told`` and hands it to :func:`put`.
"""
_writer: "dict[str, tuple[int, int]]" = {}
"""The thread that writes held records, and until when others let it, in nanoseconds; else empty."""

_refusals: "set[bytes]" = set()
"""Kinds of refusal (of a ring, or a place in it) that this process or its parent has reported."""

_RING_PAUSE = 1 << 14
_RING_WAIT_SECONDS = 0.0005

# These come with the first form: a program that sends nothing does not pay for them.
ring: "Any" = None
_pack: "Any" = None
_MASK = _SLOT_BYTES = _SLOTS_AT = 0
over: "Any" = None
"""Reports the end of a wait of this thread that :func:`send` has reported."""
_DOES_NOT_FIT: "tuple[type[Exception], ...]" = ()
"""What pack_into raises for a number that does not fit, and for a ring that another thread gave up.
"""


def open_queue(fifo):
    """Begin to write to the FIFO at this path; :class:`OSError` when there is no reader."""
    global path, _descriptor, _inode
    path = fifo
    opened: "list[int]" = []
    _open_high(opened, fifo)
    _descriptor = opened[0]
    status = os.fstat(_descriptor)
    _inode = (status.st_dev, status.st_ino)
    reset()


def reset():
    """Begin a new process's numbering; for the first process and after each fork."""
    # All in one step: with half of it, a child that a signal interrupts here would write into its
    # parent's ring, which it has mapped, too. The parent writes the records that it holds.
    globals().update(
        _pid=os.getpid(),
        _main_thread=get_ident(),
        _numbers=count(1),
        _drops=count(1),
        _dropped=0,
        _declared=0,
        _last_dropped=0,
        _account="",
        _full=False,
        _ring=None,
        _first=0,
        _limit=0,
        _next_ring=0,
        _held=deque(),
        _writer={},
    )


def close():
    """Stop writing for good; every later record goes nowhere."""
    global _descriptor, _ring, _limit
    _descriptor = -1
    _ring = None
    _limit = 0
    _held.clear()


def is_open():
    """Say whether records still go anywhere."""
    return _descriptor >= 0


def has_ring():
    """Say whether records go into a ring, and not each into the pipe."""
    return _ring is not None


def pid():
    """The process that writes, which ``os.getpid`` would ask the system for."""
    return _pid


@seamless
def put(kind, fields=b"", stamp=None, *, number=0, thread=0, told=None):
    """Write one record to the pipe, and return its number when it is in the kernel.

    ``kind`` and ``fields`` are bytes of JSON: the kind without its quotes, the fields as
    ``b'"object":"x"'``. ``stamp`` is in nanoseconds of ``time.monotonic_ns``; now by default.

    If a signal handler of the program raises an exception meanwhile, it is raised again after the
    record is written, as if the signal had come then. The keyword arguments are for held records:
    ``told`` is a list that is empty until the record is written or given up.
    """
    try:
        if _descriptor < 0:
            return number
        if not number:
            # One that was held is told before those that were held after it.
            if _held and told is None:
                catch_up()
            # After a call of ``next``, a signal could come before its result is stored.
            for number in _numbers:  # noqa: PLR1704
                break
        if _ring is not None and _has_room(number):
            _skip(number)
        if told is None:
            told = []
        _write(told, _line(kind, fields, stamp, number, thread or get_ident()))
        return number
    except BaseException as error:
        return _put_after_all(error, told, [number, 0, 0], kind, fields, stamp, thread)


@seamless
def _put_after_all(error, told, state, *record):
    """Write a record after this exception; then raise it again unless the pipe caused it.

    ``state`` is the record's number, the deadline for its writing, and the count of dropped records
    if it is one of those; each is 0 as long as it has none. Another exception may come at any call
    that is made here. So each change of state is one step, and whatever comes is handled by
    another call of this function, as the first step of a handler.
    """
    try:
        if told is None:
            told = []
        if not told:
            _put_again(error, told, state, *record)
    except BaseException as another:
        _put_after_all(another, told, state, *record)
    if is_the_programs(error) or not isinstance(error, OSError):
        raise error
    return state[0]


def _put_again(error, told, state, *record):
    """Try once more to write a record: wait for room, or drop it."""
    refusal = None if is_the_programs(error) else error
    if isinstance(refusal, BrokenPipeError):
        # The viewer is gone.
        close()
    if _descriptor < 0 or not (refusal is None or isinstance(refusal, OSError)):
        told.append(0)
        return
    if not state[0]:
        state[:1] = islice(_numbers, 1)
    number = state[0]
    if _ring is not None and _has_room(number):
        _skip(number)
    kind, fields, stamp, thread = record
    line = _line(kind, fields, stamp, number, thread or get_ident())
    if isinstance(refusal, BlockingIOError) and not state[1]:
        state[1] = monotonic_ns() + PATIENCE_MILLISECONDS * 1_000_000
    is_hopeless = refusal is not None and not isinstance(refusal, BlockingIOError)
    if is_hopeless or state[2] or (state[1] and not _gets_room(line, state[1])):
        if not state[2]:
            state[2:] = islice(_drops, 1)
        _account_for(number, state[2])
        told.append(0)
    else:
        _write(told, line)


def _write(told, record):
    """Write a record to the pipe, and make the list ``told`` longer in the same step."""
    global _declared, _full
    # The program may have closed all descriptors, and opened its own files since.
    if not (_is_ours() or _reopen()):
        raise OSError(EBADF, "no descriptor for the pipe")
    dropped = _dropped
    if dropped != _declared:
        record = b'%b,"d":%d}\n' % (record[:-2], dropped)
    told.extend(map(write, (_descriptor,), (record,)))
    _declared = dropped
    _full = False


def was_told(error):
    """Whether this exception came while a record was being told; the record is not lost."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code is put.__code__ or code is send.__code__:
            return True
        trace = trace.tb_next
    return False


def was_told_since(error, first=None):
    """Whether one of the exceptions after the first, up to this one, came like that.

    Each came while the one before was handled.
    """
    while error is not None and error is not first:
        if was_told(error):
            return True
        error = error.__context__
    return False


def form(kind, fields, names=()):
    """Prepare a kind of record about one object, and return what :func:`send` takes for it.

    ``kind`` and ``fields`` are as for :func:`put`. ``names`` are the fields that differ between
    records, as bytes: at most four whole numbers; the first has 32 bits, like a site.
    """
    if ring is None:
        _load_ring()
    return _make_form(ring, kind, fields, names)


def _make_form(layout, kind, fields, names=()):
    entry = b" ".join(names) + b'\n{"k":"%b"%b}' % (kind, b"," + fields if fields else b"")
    line = form_of_line(kind, fields, names)
    number = next(_form_numbers)
    if number == layout.FORMS:
        _tell_refusal(b"full", "it has room for %d kinds of records" % (layout.FORMS - 1))
    if number >= layout.FORMS or len(entry) > layout.FORM_BYTES:
        # The ring takes no tuple for a number, so what is sent in this form goes through the pipe.
        return line
    _lines[number] = line
    _forms[number] = entry
    memory = _ring
    if memory is not None:
        layout.write_form(memory, number, entry)
    return number


def form_of_line(kind, fields, names=()):
    """Prepare the same for the pipe, which has room for any number of forms."""
    values = b",".join(b'"%b":%%d' % name for name in names)
    fixed = fields.replace(b"%", b"%%")
    return kind, fixed + (b"," if fixed and values else b"") + values, len(names)


def _load_ring():
    global ring, over, _pack, _MASK, _SLOT_BYTES, _SLOTS_AT, _DOES_NOT_FIT
    from functools import partial
    from struct import error

    from mpviz_probe import ring as layout

    _pack = layout.RECORD.pack_into
    _MASK = layout.SLOTS - 1
    _SLOT_BYTES = layout.SLOT_BYTES
    _SLOTS_AT = layout.SLOTS_AT
    _DOES_NOT_FIT = (error, TypeError)
    over = partial(send, _make_form(layout, b"wait.over", b""))
    # Last, since it says that all of this is there: an exception may come at any line.
    ring = layout


@seamless
def send(  # noqa: PLR0917
    form, site=0, first=0, second=0, third=0, number=0, memory=None, told=None
):
    """Write one record that was prepared with :func:`form`, as all hot paths do.

    As with :func:`put`, the record is written before an exception is raised. The last three
    arguments are not for the caller: as parameters they have a value from the first instruction on.
    """
    try:
        if _held:
            catch_up()
        for number in _numbers:  # noqa: PLR1704
            break
        if _first < number < _limit and form.__class__ is int:
            memory = _ring
            _pack(
                memory,
                (number & _MASK) * _SLOT_BYTES + _SLOTS_AT,
                monotonic_ns(),
                get_ident(),
                form,
                site,
                first,
                second,
                third,
                number,
            )
        else:
            told = []
            if (
                form.__class__ is not int
                or _ring is None
                or not _goes_into_ring(told, number, form, site, first, second, third)
            ):
                _send_by_pipe(told, number, form, site, first, second, third)
    except BaseException as error:
        _send_after_all(error, told, memory, number, form, site, first, second, third)


def open_ring(number):
    """If there is no ring, make one for the records after the one with this number."""
    if _ring is None and _descriptor >= 0 and number >= _next_ring:
        _open_ring(number)


@seamless
def send_at_once(  # noqa: PLR0917
    form, site=0, first=0, second=0, third=0, stamp=0, number=0, memory=None, told=None
):
    """Send a record without giving up the GIL; hold it if it does not fit into the ring.

    The last four arguments are not for the caller; as those of :func:`send`.
    """
    global _limit
    try:
        stamp = monotonic_ns()
        for number in _numbers:  # noqa: PLR1704
            break
        memory = _ring
        if number >= _limit and memory is not None:
            _limit = ring.number_read(memory) + ring.SLOTS + 1
        if _first < number < _limit and form.__class__ is int:
            place = (number & _MASK) * _SLOT_BYTES + _SLOTS_AT
            _pack(memory, place, stamp, get_ident(), form, site, first, second, third, number)
        else:
            told = []
            _hold(told, number, stamp, get_ident(), form, site, first, second, third)
    except BaseException as error:
        _hold_after_all(error, told, memory, number, stamp, form, site, first, second, third)


@seamless
def _hold_after_all(error, told, memory, number, *record, is_again=False):
    """Hold a record after this exception; raise it again unless the ring caused it."""
    try:
        if is_the_programs(error) or (isinstance(error, _DOES_NOT_FIT) and not is_again):
            if told is None:
                told = [number] if _is_in_ring(memory, number) else []
            if not told:
                if number:
                    # The viewer reads no further than a slot without its number.
                    _skip(number)
                stamp, *values = record
                _hold(told, number, stamp or monotonic_ns(), get_ident(), *values)
    except BaseException as another:
        _hold_after_all(another, told, memory, number, *record, is_again=True)
    if is_the_programs(error) or is_again or not isinstance(error, _DOES_NOT_FIT):
        raise error


def hold(tell):
    """Hold a function that is called when the next record is written; see :data:`_held`."""
    _held.append((tell,))


def _hold(told, *record):
    # Both lists become longer in one step.
    told.extend(map(_held.append, (record,)))


def is_behind():
    """Say whether there are records that are held."""
    return bool(_held)


def catch_up():
    """Write the held records. Call this only where a wait does no harm.

    When it returns, the records that another thread had begun to write are written, too: what this
    thread does next may be their effect.
    """
    thread = get_ident()
    while _held or _writer:
        if _writes_first(thread):
            try:
                _write_held()
            finally:
                _writer.clear()
        else:
            sleep(_RING_WAIT_SECONDS)


def _writes_first(thread):
    """Whether it is this thread that writes held records now.

    No lock does this: an exception of the program, or a fork, could leave it locked for ever.
    """
    mine = thread, monotonic_ns() + PATIENCE_MILLISECONDS * 1_000_000
    # One step, so only one thread can be the first.
    writer, deadline = _writer.setdefault("writer", mine)
    if writer == thread:
        return True
    if monotonic_ns() < deadline:
        return False
    # It is gone, or an exception came before it could say that it was done.
    _writer["writer"] = mine
    return True


def _write_held():
    while _held:
        taken: "list[tuple]" = []
        told: "list[Any]" = []
        try:
            # Removed from the one and stored in the other in one step.
            taken.extend(map(deque.popleft, (_held,)))
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
            _held.extendleft(map(list.pop, [taken] * len(taken)))
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
            _ring is not None
            and number > ring.number_read(_ring)
            and values[0].__class__ is int
            and _goes_into_ring(told, number, *values, stamp=stamp, thread=thread)
        )
    except _DOES_NOT_FIT as error:
        if is_the_programs(error):
            raise
        is_told = False
    if not is_told and _descriptor >= 0:
        form, *values = values
        kind, fields, count = _lines[form] if form.__class__ is int else form
        put(kind, fields % tuple(values[:count]), stamp, number=number, thread=thread, told=told)


def _goes_into_ring(told, number, *values, stamp=0, thread=0):
    """Put a record into the ring for which there may be room by now; False where it cannot be."""
    if not _has_room(number):
        return False
    if number <= _first:
        # The ring is being made at this moment, and it is not known yet what it begins with.
        return False
    place = (number & _MASK) * _SLOT_BYTES + _SLOTS_AT
    record = (_ring, place, stamp or monotonic_ns(), thread or get_ident(), *values, number)
    told.extend(starmap(_pack, (record,)))
    return True


def _send_by_pipe(told, number, form, *values):
    if _descriptor < 0:
        return
    kind, fields, count = _lines[form] if form.__class__ is int else form
    number = put(kind, fields % values[:count], number=number, told=told)
    if _ring is None and number >= _next_ring:
        _open_ring(number)


@seamless
def _send_after_all(error, told, memory, number, form, *values, is_by_pipe=False):
    """Send a record by the pipe after this exception; raise it again unless the ring caused it.

    As with :func:`_put_after_all`, any exception that comes here is handled in the same way.
    """
    try:
        # An error of ours that comes here would come again.
        if is_the_programs(error) or (isinstance(error, _DOES_NOT_FIT) and not is_by_pipe):
            if told is None:
                told = [number] if _is_in_ring(memory, number) else []
            if not told:
                _send_by_pipe(told, number, form, *values)
    except BaseException as another:
        _send_after_all(another, told, memory, number, form, *values, is_by_pipe=True)
    if is_the_programs(error) or is_by_pipe or not isinstance(error, _DOES_NOT_FIT):
        raise error


def _is_in_ring(memory, number):
    """Whether a number that was written into this ring, if at all, is there or was read."""
    if not number or memory is None:
        return False
    return ring.number_at(memory, (number & _MASK) * _SLOT_BYTES + _SLOTS_AT) >= number


def _open_ring(number):
    """Make a ring for the records after this one, if there can be one."""
    global _ring, _first, _limit, _next_ring
    # Another thread must not try the same meanwhile.
    _next_ring = number + _RING_PAUSE
    try:
        if ring is None:
            _load_ring()
        memory = ring.create(os.path.dirname(path), _pid, number)
        _first = 1 << 62
        # From here on, threads that take a number also fill its slot, so the ring begins after the
        # next number; and threads that prepare a form also write it into the ring.
        _ring = memory
        for each, entry in list(_forms.items()):
            ring.write_form(memory, each, entry)
        first = put(b"ring.opened")
        if not first:
            raise OSError("the viewer is gone")
        ring.make_ready(memory, _pid, first, _main_thread)
        _limit = first + ring.SLOTS + 1
        _first = first
    except BaseException as error:
        # Whatever there is against a ring on this machine: the pipe does as well, only slower.
        _ring = None
        _first = _limit = 0
        if is_the_programs(error):
            raise
        if isinstance(error, OSError) and error.errno:
            _tell_refusal(b"denied", os.strerror(error.errno))


def _tell_refusal(how, reason):
    """Report, once for each kind of refusal, why records go through the pipe."""
    if how not in _refusals:
        _refusals.add(how)
        put(b"ring.refused", b'"how":"%b","reason":%b' % (how, text(reason)))


def _has_room(number):
    """Whether the ring has a slot for this number, now or soon; if not, it is given up."""
    global _ring, _limit, _next_ring
    deadline = 0
    while number >= _limit:
        memory = _ring
        if memory is None:
            return False
        _limit = ring.number_read(memory) + ring.SLOTS + 1
        if number < _limit:
            break
        now = monotonic_ns()
        deadline = deadline or now + PATIENCE_MILLISECONDS * 1_000_000
        if now >= deadline:
            _ring = None
            _limit = 0
            _next_ring = number + _RING_PAUSE
            return False
        sleep(_RING_WAIT_SECONDS)
    return True


def _skip(number):
    """Tell the ring that this number is told elsewhere, unless its slot is that of another."""
    memory = _ring
    if memory is None:
        return
    place = (number & _MASK) * _SLOT_BYTES + _SLOTS_AT
    if ring.number_at(memory, place) < number and ring.number_read(memory) < number:
        _pack(memory, place, monotonic_ns(), 0, ring.VOID, 0, 0, 0, 0, number)


def text(value, limit=TEXT_LIMIT):
    """Turn a text into JSON, quotes and all, in ASCII and cut to so many characters.

    At most 900 bytes, so that the four texts of the largest record fit into ``PIPE_BUF``.
    """
    if type(value) is not str:
        value = _as_text(value)
    if not value.isascii():
        value = _as_unicode(value)
    while True:
        cut = value if len(value) <= limit else value[: limit - 1] + "\u2026"
        quoted = _quote(cut)
        if len(quoted) <= _TEXT_BYTES:
            return quoted.encode("ascii")
        limit //= 2


def _as_text(value):
    """What a program has given as a name, of whatever type, without running code of that type."""
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)
    # Not "in", which asks a metaclass of the program's whether the classes are equal.
    is_plain = any(kind is each for each in _PLAIN)
    return repr(value) if is_plain else "<%s>" % _type_name(kind)


def _as_unicode(value):
    """A text in which lone surrogates, which JSON must not have, are written as ``\\xe9``.

    Python uses them for bytes that are not UTF-8 (:pep:`383`); a shell would write them like this.
    """
    try:
        octets = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        octets = value.encode("utf-8", "backslashreplace")
    return octets.decode("utf-8", "backslashreplace")


def may_wait(timeout):
    """Whether a call with this time-out may wait at all."""
    try:
        return timeout is None or timeout > 0
    except BaseException as error:
        if is_the_programs(error):
            raise
        # It is not a number; the original will say so to its caller.
        return False


def milliseconds(timeout):
    """A time-out as records tell it: whole milliseconds from 1 on, 0 where there is none."""
    try:
        return 0 if timeout is None else min(1 + int(timeout * 1000), 1 << 40)
    except BaseException as error:
        if is_the_programs(error):
            raise
        # No number: who asked for it will hear of it from the original.
        return 0


def _thread_field(thread):
    return b"" if thread == _main_thread else b',"h":%d' % thread


def _account_for(number, drops):
    """Put down how many records were dropped, in a file that survives the death of this process."""
    global _dropped, _last_dropped, _account
    _dropped = max(_dropped, drops)
    _last_dropped = max(_last_dropped, number)
    if not _account:
        _account = "%s/%d-%d" % (os.path.dirname(path), _pid, monotonic_ns())
    told = 0
    while told != _last_dropped:
        # Another thread may have dropped one meanwhile, and already written its count.
        told = _last_dropped
        text = b"%20d %20d %20d" % (told, _dropped, monotonic_ns())
        try:
            _put_down(text)
        except OSError as error:
            if is_the_programs(error):
                raise
            # Then only the next record that gets through has the count.
            return


def _put_down(text):
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        use(lambda file: os.pwrite(file, text, 0), os.open, _account + DROPPED_SUFFIX, flags, 0o600)
    except OSError as error:
        if is_the_programs(error):
            raise
        # There is no descriptor left, or no space.
        new = "%s-%d" % (_account, monotonic_ns())
        os.symlink(text.decode(), new)
        os.rename(new, _account + LINK_SUFFIX)


def _line(kind, fields, stamp, number, thread):
    return b'{"k":"%b","t":%d,"p":%d,"n":%d%b%b}\n' % (
        kind,
        monotonic_ns() if stamp is None else stamp,
        _pid,
        number,
        _thread_field(thread),
        b"," + fields if fields else b"",
    )


def _gets_room(record, deadline):
    """Wait for room in the pipe, but not for a record too long to be written in one piece."""
    global _full
    if not _full and len(record) <= select.PIPE_BUF:
        room = select.poll()
        room.register(_descriptor, select.POLLOUT)
        left = (deadline - monotonic_ns()) // 1_000_000
        if left > 0 and room.poll(left):
            return True
    _full = True
    return False


def _is_ours():
    try:
        status = os.fstat(_descriptor)
    except OSError as error:
        if is_the_programs(error):
            raise
        return False
    return (status.st_dev, status.st_ino) == _inode


def _reopen():
    """Open the FIFO again; False if that fails, for now or for good."""
    global _descriptor, _retry_at
    if _descriptor < 0 or monotonic_ns() < _retry_at:
        return False
    opened: "list[int]" = []
    closing = map(os.close, opened)
    try:
        _open_high(opened, path)
        status = os.fstat(opened[0])
        if (status.st_dev, status.st_ino) == _inode:
            _descriptor = opened[0]
            opened.clear()
            return True
        # It is another FIFO, put in the place of ours.
    except OSError as error:
        if is_the_programs(error):
            raise
        if error.errno == ENXIO:
            # The viewer is gone.
            close()
    finally:
        any(closing)
    _retry_at = monotonic_ns() + RETRY_MILLISECONDS * 1_000_000
    return False


def _open_high(opened, fifo):
    """Open the FIFO, and add a high descriptor of it to the list in the same step.

    It is far from the descriptors that programs number by hand.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    use(lambda low: _duplicate_high(opened, low), os.open, fifo, flags)


def _duplicate_high(opened, low):
    import fcntl
    import resource
    import stat

    if not stat.S_ISFIFO(os.fstat(low).st_mode):
        raise OSError("not a FIFO: another file has taken its place")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    ceiling = _CEILING if limit == resource.RLIM_INFINITY else min(limit, _CEILING)
    for lowest in (ceiling - 24, _LOWEST_DESCRIPTOR, 3):
        if lowest >= _LOWEST_DESCRIPTOR or lowest == 3:
            try:
                opened.extend(map(fcntl.fcntl, (low,), (fcntl.F_DUPFD_CLOEXEC,), (lowest,)))
                return
            except OSError as error:
                if is_the_programs(error) or lowest == 3:
                    raise
