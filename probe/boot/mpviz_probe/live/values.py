"""Adopts Values and Arrays."""

import sys

from mpviz_probe.live.places import know, site
from mpviz_probe.standard import values


def prepare():
    """Nothing: reads and writes are looked up on the class."""


def adopt(found, places):
    """Tell a value of the program's own, and observe it."""
    module = sys.modules.get("multiprocessing.sharedctypes")
    value = found.thing
    if module is None or not isinstance(value, module.SynchronizedBase):
        return
    if found.is_part or not found.name or not hasattr(value._obj, "_wrapper"):
        return
    if not hasattr(value._lock, "_semlock"):
        return
    know(value._lock, places)
    if value.__dict__.get("_mpviz") is None:
        value._mpviz = values._Observed(value)
        values._observe_lock(value)
    values._announce(value, site(found.name, type(value).__name__), b',"adopted":true')
