"""Adopts what a program has already: tells of this process, and of its objects, as they are now."""

import sys

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.live import locks, pools, queues, values
from mpviz_probe.live.find import find_objects
from mpviz_probe.live.places import regions

ADOPTED = (locks, queues, values, pools)
"""Our module for each primitive: ``prepare`` before the patches, ``adopt`` after them."""


def prepare():
    """Note what the patches are about to replace."""
    for each in ADOPTED:
        try:
            each.prepare()
        except BaseException:
            report("live")


def tell_of_process(is_first):
    """Tell the name of this process, and the children that it has started."""
    module = sys.modules.get("multiprocessing.process")
    if module is None:
        return
    from mpviz_probe.standard import processes

    process = module._current_process
    if not is_first and process._parent_pid is not None:
        told = processes._describe(process), process._parent_pid, processes.cpu_so_far()
        wire.put(b"process.began", b'%b,"parent":%d,%b' % told)
    for child in list(module._children):
        if child._popen is not None and child._popen.returncode is None:
            processes._tell_start((None, None, ()), None, child)


def adopt_all():
    """Tell the objects that this process has, and observe them from now on."""
    found = list(find_objects().values())
    places = regions()
    for each in ADOPTED:
        for one in found:
            try:
                each.adopt(one, places)
            except BaseException:
                report("live")
