"""A gate: a task says what it is about to do, and goes on when it is let go.

Each task, a thread that does something on what processes share, has a connection of its own. Only
the outermost operation has a gate: what it does inside is a part of it. If nobody listens any more,
all gates are open.
"""

import json
import socket
import sys
from _thread import _local, get_ident, get_native_id
from fcntl import F_DUPFD_CLOEXEC, fcntl
from itertools import count
from linecache import getline
from os import environ, getpid

from mpviz_probe import sites
from mpviz_probe.arm import report
from mpviz_probe.descriptors import LOWEST
from mpviz_probe.guard import replaces, unframe
from mpviz_probe.stepping import ENVIRONMENT_VARIABLE

TIMED_OUT, NO, GO = "timeout", "no", "go"
"""Answers: its time is over, it is not possible now (where that is an answer), it may go."""

_LIMIT = 200

_here = _local()
path = ""
"""The id of this process; empty for one that has no gates."""
_numbers: "dict[str, count]" = {}
_first_thread = 0


def begin(own_path, name):
    """Open the gates of this process, whose first task is the thread that calls."""
    global path, _first_thread
    _here.__dict__.clear()
    path, _first_thread = own_path, get_ident()
    _numbers.clear()
    if _connection(own_path, name) is None:
        path = ""


def new_id(kind):
    """An id that does not depend on the run: the process, and how many of a kind it has made."""
    numbers = _numbers.setdefault(kind, count(1))
    return "%s:%s%d" % (path, kind, next(numbers))


def child_path():
    """The id of the next process that this one starts."""
    return "%s.%d" % (path, next(_numbers.setdefault("child", count(1))))


def is_outermost():
    """Whether an operation that begins here has a gate."""
    return bool(path) and not getattr(_here, "inside", False)


class Inside:
    """What is done within it has no gate."""

    def __enter__(self):
        self.was = getattr(_here, "inside", False)
        _here.inside = True

    def __exit__(self, *_):
        _here.inside = self.was


def tell(**fields):
    """Tell who decides something that needs no answer."""
    connection = _task_connection()
    if connection is not None:
        _send(connection, fields)


def ask(verb, target, kind, **fields):
    """Wait until this task is let go; what was answered. A number with it is :func:`number`."""
    connection = _task_connection()
    if connection is None:
        return GO
    file, line = _place(sys._getframe(1))
    fields.update(ask=verb, target=target, kind=kind, file=file, line=line)
    fields["text"] = getline(file, line).strip()[:_LIMIT] if line else ""
    if not _send(connection, fields):
        return GO
    answer = b""
    while not answer.endswith(b"\n"):
        got = connection.recv(64)
        if not got:
            _close()
            return GO
        answer += got
    words = answer.decode("ascii").split()
    _here.number = int(words[1])
    return words[0]


def number():
    """What came with the last answer: how many were at a barrier before this task."""
    return _here.number


def did(result=""):
    """Tell what the operation came to that this task was let go for."""
    connection = getattr(_here, "connection", None)
    if connection is not None:
        _send(connection, {"did": str(result)[:_LIMIT]})


def gated(original, describe, refuse=None, outcome=None):
    """Wrap: ``describe`` gives verb, target, kind and more of an operation, or None for no gate.

    ``refuse`` is called for what is not possible, or too late, in place of the original.
    ``outcome`` says what a result comes to.
    """

    @replaces(original)
    def observed(*args, **kwargs):
        try:
            asked = None
            if is_outermost():
                try:
                    asked = describe(*args, **kwargs)
                except BaseException:
                    report("step")
            if asked is None:
                return original(*args, **kwargs)
            with Inside():
                verb, target, kind, more = asked
                answer = ask(verb, target, kind, **more)
                if answer != GO and refuse is not None:
                    result = refuse(*args, **kwargs)
                    did("timed out" if answer == TIMED_OUT else "no")
                    return result
                result = original(*args, **kwargs)
                did(outcome(result) if outcome is not None else "")
                return result
        except BaseException as error:
            unframe(error)
            raise

    return observed


def end(code=None):
    """Tell that this task has ended."""
    tell(end=code)
    _close()


def _task_connection():
    known = _here.__dict__.get("connection", 0)
    if known != 0:
        return known
    if not path:
        return None
    number = next(_numbers.setdefault("thread", count(1)))
    return _connection("%s/thread%d" % (path, number), "")


def name_task(task):
    """Give the task of this thread a name of its own before its first operation."""
    if path:
        _connection("%s/%s" % (path, task), "")


def _connection(task, name):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.connect("\0" + environ[ENVIRONMENT_VARIABLE])
        moved = fcntl(listener.fileno(), F_DUPFD_CLOEXEC, LOWEST)
    except OSError:
        _here.connection = None
        return None
    finally:
        listener.close()
    _here.connection = connection = socket.socket(fileno=moved)
    _send(connection, {"hello": task, "name": name, "pid": getpid(), "tid": get_native_id()})
    return connection


def _send(connection, fields):
    try:
        connection.sendall(json.dumps(fields).encode("ascii") + b"\n")
    except OSError:
        _close()
        return False
    return True


def _close():
    connection = _here.__dict__.get("connection")
    _here.connection = None
    if connection is not None:
        connection.close()


def _place(frame):
    """The file and line of the program's own code that led here."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not sites.is_machinery(file) and not file.startswith("<"):
            return file, frame.f_lineno or 0
        frame = frame.f_back
    return "", 0


def observed_id(identify, thing):
    """The id under which the records have an object, by which its name is known; empty if none."""
    try:
        return identify(thing)
    except (AttributeError, OSError):
        return ""
