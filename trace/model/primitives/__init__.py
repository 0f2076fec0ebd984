"""The viewer's side of each primitive: its events, its state and how they fold.

To teach mpviz a new primitive: one new file here, and its name in :data:`PRIMITIVES`.
"""

from importlib import import_module

from mpviz.trace.model.primitive import Primitive

PRIMITIVES: tuple[Primitive, ...] = tuple(
    import_module(f"{__name__}.{file}").PRIMITIVE
    for file in (
        "process",
        "thread",
        "pool",
        "queue",
        "lock",
        "value",
        "mp_event",
        "condition",
        "barrier",
        "pipe",
        "manager",
        "memory",
        "file_lock",
        "seen",
    )
)
"""In the order in which reports list them."""
