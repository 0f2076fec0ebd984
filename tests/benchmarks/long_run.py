"""A long run: what folding costs and what it keeps in memory while millions of events go by."""

import os
import time

import psutil

from mpviz.trace.decode import decode
from mpviz.trace.fold import fold
from mpviz.trace.state import RunState

EVENTS = 2_000_000
BATCH = 40_000
PROCESSES = 8

# A turn of a worker: wait for the lock, add one under it, put an item, get one, do a task.
TURN = b"""\
{"k":"wait","t":%(t)d,"p":%(p)d,"n":%(n)d,"what":"lock","o":"lock","s":1}
{"k":"lock.acquired","t":%(t)d,"p":%(p)d,"n":%(n1)d,"o":"lock","s":1}
{"k":"value.read","t":%(t)d,"p":%(p)d,"n":%(n2)d,"o":"value","value":%(turn)d,"s":1}
{"k":"value.written","t":%(t)d,"p":%(p)d,"n":%(n3)d,"o":"value","before":1,"value":2,"s":1}
{"k":"lock.released","t":%(t)d,"p":%(p)d,"n":%(n4)d,"o":"lock"}
{"k":"queue.put","t":%(t)d,"p":%(p)d,"n":%(n5)d,"o":"queue","s":1}
{"k":"queue.got","t":%(t)d,"p":%(p)d,"n":%(n6)d,"o":"queue","size":5,"s":1}
{"k":"task.started","t":%(t)d,"p":%(p)d,"n":%(n7)d,"o":"pool","job":1,"index":%(turn)d,\
"function":"f","items":1,"s":1}
{"k":"task.ended","t":%(t)d,"p":%(p)d,"n":%(n8)d,"o":"pool","job":1,"index":%(turn)d}
"""
HEAD = b"""\
{"k":"lock.created","t":1,"p":1,"n":1,"o":"lock","kind":"Lock","maximum":1}
{"k":"queue.created","t":1,"p":1,"n":2,"o":"queue","kind":"Queue","maxsize":10}
{"k":"value.created","t":1,"p":1,"n":3,"o":"value","lock":"own","kind":"Value","typecode":"i",\
"length":1,"initial":0}
{"k":"pool.created","t":1,"p":1,"n":4,"o":"pool","workers":8}
"""


def main() -> None:
    """Print the table."""
    print("\nlong run: events        memory   microseconds an event")
    process = psutil.Process(os.getpid())
    state = RunState()
    fold(state, decode(HEAD))
    spent = 0.0
    turn = 0
    for count in range(0, EVENTS, BATCH):
        lines, turn = _batch(turn)
        began = time.process_time()
        fold(state, decode(lines))
        spent += time.process_time() - began
        if (count + BATCH) % (EVENTS // 5) == 0:
            memory = process.memory_info().rss / 1e6
            print(f"{state.records:16,}   {memory:7.0f} MB   {spent / state.records * 1e6:7.2f}")


def _batch(turn: int) -> tuple[bytes, int]:
    lines = []
    for _ in range(BATCH // 9):
        turn += 1
        number = 1 + turn // PROCESSES * 9
        values = {b"t": turn * 20_000, b"p": 100 + turn % PROCESSES, b"turn": turn, b"n": number}
        values |= {b"n%d" % step: number + step for step in range(1, 9)}
        lines.append(TURN % values)
    return b"".join(lines), turn
