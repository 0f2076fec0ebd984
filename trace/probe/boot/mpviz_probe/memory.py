"""Observes SharedMemory: who makes a block, who has it attached, and who unlinks it."""

import os
import sys
from functools import wraps
from weakref import WeakValueDictionary

from mpviz_probe import creations, wire
from mpviz_probe.arm import report


def patch(module):
    """Patch ``multiprocessing.shared_memory``."""
    memory = module.SharedMemory
    attached: "WeakValueDictionary" = WeakValueDictionary()
    memory.__init__ = _observed_init(memory.__init__, attached)
    memory.close = _observed_close(memory.close)
    memory.unlink = _observed_unlink(memory.unlink)
    os.register_at_fork(after_in_child=lambda: _tell_of_inherited(attached))


def _observed_init(init, attached):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            attached[id(self)] = self
            kind = b"memory.created" if self._flags & os.O_CREAT else b"memory.attached"
            fields = b'"o":%b,"size":%d,"s":%d'
            wire.put(kind, fields % (wire.text(self.name), self.size, creations.here()))
        except Exception:
            report("shared memory")

    return observed


def _tell_of_inherited(attached):
    """Tell of the blocks that a fork has handed down to this process."""
    try:
        for memory in list(attached.values()):
            if memory._mmap is not None:
                fields = b'"o":%b,"size":%d' % (wire.text(memory.name), memory.size)
                wire.put(b"memory.attached", fields)
    except Exception:
        report("shared memory")


def _observed_close(close):
    """Wrap what the end of an object that nobody has any more comes to, too."""
    is_finalizing = sys.is_finalizing

    @wraps(close)
    def observed(self):
        was_attached = self._mmap is not None
        close(self)
        # At the end of the interpreter, modules of ours may be gone; the process's end tells it.
        if was_attached and not is_finalizing():
            try:
                wire.put(b"memory.closed", b'"o":' + wire.text(self.name))
            except Exception:
                report("shared memory")

    return observed


def _observed_unlink(unlink):
    @wraps(unlink)
    def observed(self):
        unlink(self)
        try:
            wire.put(b"memory.unlinked", b'"o":' + wire.text(self.name))
        except Exception:
            report("shared memory")

    return observed
