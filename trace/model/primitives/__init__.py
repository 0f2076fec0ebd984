"""The viewer's side of each primitive: its events, its state and how they fold.

To teach mpviz a new primitive: one new file here, and its name in :data:`PRIMITIVES`.
"""

from mpviz.trace.model.primitive import Primitive
from mpviz.trace.model.primitives import (
    barrier,
    condition,
    lock,
    manager,
    memory,
    pipe,
    pool,
    process,
    queue,
    value,
)
from mpviz.trace.model.primitives import mp_event as event

PRIMITIVES: tuple[Primitive, ...] = (
    process.PRIMITIVE,
    pool.PRIMITIVE,
    queue.PRIMITIVE,
    lock.PRIMITIVE,
    value.PRIMITIVE,
    event.PRIMITIVE,
    condition.PRIMITIVE,
    barrier.PRIMITIVE,
    pipe.PRIMITIVE,
    manager.PRIMITIVE,
    memory.PRIMITIVE,
)
