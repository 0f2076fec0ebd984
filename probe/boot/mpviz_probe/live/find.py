"""Finds the objects of multiprocessing that a program has, and the names that it gives them.

It looks where a person would: in the variables of the program's modules and of the functions that
run, in what a process was given, and in multiprocessing's own list of what to see to after a fork.
A walk over all objects would stop a large program for seconds.
"""

import sys

from mpviz_probe import sites
from mpviz_probe.guard import INSTALLED, STDLIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEEPEST = 4
_LONGEST = 256
"""Maximum number of items of a container, or attributes of an object, that are looked at."""

_MODULES = ("synchronize", "queues", "sharedctypes", "pool", "connection", "managers")


class Found:
    """One object, and the first name that leads to it."""

    def __init__(self, thing, name):
        self.thing, self.name, self.is_part = thing, name, False


def find_objects():
    """All that is found, by the address; parts of others are marked as such."""
    search = _Search()
    for name, module in list(sys.modules.items()):
        names = getattr(module, "__dict__", None)
        if type(names) is dict and _is_own(name, names):
            for variable, value in list(names.items()):
                if not variable.startswith("__"):
                    search.visit(value, variable, _DEEPEST)
    for stack in stacks().values():
        for frame in reversed(stack):
            if sites.owner_of(frame.f_code, frame.f_globals) > 0:
                for variable, value in list(frame.f_locals.items()):
                    search.visit(value, variable, _DEEPEST)
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        for each in [process._current_process, *list(process._children)]:
            search.visit(list(each.__dict__.get("_args", ())), "", 2)
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        for value in list(util._afterfork_registry.values()):
            search.visit(value, "", 1)
    return search.found


def stacks():
    """The frames of each thread but our own, the innermost first."""
    found: "dict[int, list]" = {}
    for thread, innermost in sys._current_frames().items():
        frames: "list" = []
        frame: "Any" = innermost
        while frame is not None:
            if not frame.f_code.co_filename.startswith("<mpviz"):
                frames.append(frame)
            frame = frame.f_back
        found[thread] = frames
    return found


def _is_own(name, names):
    if name in ("__main__", "__mp_main__"):
        return True
    file = names.get("__file__")
    return (
        type(file) is str
        and not file.startswith(STDLIB)
        and not any(part in file for part in INSTALLED)
    )


class _Search:
    def __init__(self):
        self.found: "dict[int, Found]" = {}
        self.seen: "set[int]" = set()
        self.kept: "list[object]" = []

    def visit(self, value, name, depth):
        kind = type(value)
        if kind in (str, bytes, int, float, bool, type(None)) or depth < 0:
            return
        if kind.__module__.startswith("multiprocessing.") and _is_known(kind):
            self._take(value, name)
            return
        if id(value) in self.seen:
            return
        self.seen.add(id(value))
        # Its address must not become another's meanwhile.
        self.kept.append(value)
        if kind in (list, tuple, set, frozenset):
            for number, item in enumerate(list(value)[:_LONGEST]):
                self.visit(item, name and "%s[%d]" % (name, number), depth - 1)
        elif kind is dict:
            for key, item in list(value.items())[:_LONGEST]:
                self.visit(item, name and "%s[%r]" % (name, key), depth - 1)
        elif not issubclass(kind, type) and kind.__module__ not in ("builtins", "_thread"):
            for key, item in _attributes(value, kind)[:_LONGEST]:
                self.visit(item, name and "%s.%s" % (name, key), depth - 1)

    def _take(self, thing, name, is_part=False):
        known = self.found.get(id(thing))
        if known is None:
            known = self.found[id(thing)] = Found(thing, name)
            for part in list(thing.__dict__.values()):
                if _is_known(type(part)) and part is not thing:
                    self._take(part, "", is_part=True)
        known.name = known.name or name
        known.is_part = known.is_part or is_part


def _attributes(value, kind):
    """The attributes that an object has in its dict, without running any code of the program."""
    from mpviz_probe.wrappers import _vars

    names = _vars(value, kind)
    return list(dict.items(names)) if type(names) is dict else []


def _is_known(kind):
    return any(
        each.__module__.partition(".")[0] == "multiprocessing"
        and each.__module__.rpartition(".")[2] in _MODULES
        for each in kind.__mro__
    ) and hasattr(kind, "__dict__")
