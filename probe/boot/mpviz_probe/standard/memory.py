"""Observes SharedMemory: who makes a block, has it attached, unlinks it, or finds it gone."""

import os
import sys
from _weakref import ref
from functools import partial

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.hooks import after, around, failing


def patch(module):
    """Patch ``multiprocessing.shared_memory``."""
    memory = module.SharedMemory
    # Without a callback: Python would lose what a signal handler raises in one.
    attached: "dict[int, ref]" = {}
    begin = after(memory.__init__, partial(_tell_of_new, attached), "shared memory")
    memory.__init__ = failing(begin, _tell_if_not_found, "shared memory")
    tell = partial(_tell_of_closed, attached)
    memory.close = around(memory.close, _is_attached, tell, "shared memory")
    unlink = after(memory.unlink, _tell_of_unlinked, "shared memory")
    memory.unlink = failing(unlink, _tell_if_gone, "shared memory")
    os.register_at_fork(after_in_child=lambda: _tell_of_inherited(attached))


def _tell_of_new(attached, _, memory, *args, **kwargs):
    attached[id(memory)] = ref(memory)
    kind = b"memory.created" if memory._flags & os.O_CREAT else b"memory.attached"
    fields = b'"o":%b,"size":%d,"s":%d'
    wire.put(kind, fields % (wire.text(memory.name), memory.size, creations.here()))


def _tell_of_inherited(attached):
    """Report the blocks that this process has inherited by a fork."""
    try:
        for known in list(attached.values()):
            memory = known()
            if memory is not None and memory._mmap is not None:
                fields = b'"o":%b,"size":%d' % (wire.text(memory.name), memory.size)
                wire.put(b"memory.attached", fields)
    except BaseException:
        report("shared memory")


def _is_attached(memory):
    return memory._mmap is not None


def _tell_of_closed(attached, was_attached, _, memory, is_finalizing=sys.is_finalizing):
    """Report a block that is closed, by ``close`` or because its object is gone."""
    attached.pop(id(memory), None)
    # At the end of the interpreter, our modules may be gone; the process's end says the same.
    if was_attached and not is_finalizing():
        wire.put(b"memory.closed", b'"o":' + wire.text(memory.name))


def _tell_of_unlinked(_, memory):
    wire.put(b"memory.unlinked", b'"o":' + wire.text(memory.name))


def _tell_if_not_found(error, _, name=None, *args, **kwargs):
    """Report that no block has this name, which the program wants to attach."""
    if type(error) is FileNotFoundError and type(name) is str:
        wire.put(b"memory.missing", b'"o":%b,"s":%d' % (wire.text(name), sites.here()))


def _tell_if_gone(error, memory):
    """Report that the program wants to unlink a block whose name is gone already."""
    if type(error) is FileNotFoundError:
        wire.put(b"memory.missing", b'"o":%b,"s":%d' % (wire.text(memory.name), sites.here()))
