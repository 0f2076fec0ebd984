"""A long run: what folding costs and what it keeps in memory while millions of events go by."""

import os
import tempfile
import time
from pathlib import Path

import psutil

from mpviz.probe.boot.mpviz_probe.wire import ring as layout
from mpviz.trace.collect.decode import decode
from mpviz.trace.collect.merge import Look, Merge
from mpviz.trace.collect.rings import NEVER, Ring, Taken
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.state import RunState

EVENTS = 2_000_000
BATCH = 40_000
PROCESSES = 8
RING_BATCH = 4096

FORMS = (
    b's\n{"k":"lock.acquired","o":"lock"}',
    b's value index\n{"k":"value.read","o":"value"}',
    b's before value index\n{"k":"value.written","o":"value"}',
    b'\n{"k":"lock.released","o":"lock"}',
)
"""Forms as the probe writes them, numbered from 1."""

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
    follow(state, decode(HEAD))
    spent = 0.0
    turn = 0
    for count in range(0, EVENTS, BATCH):
        lines, turn = _batch(turn)
        began = time.process_time()
        follow(state, decode(lines))
        spent += time.process_time() - began
        if (count + BATCH) % (EVENTS // 5) == 0:
            memory = process.memory_info().rss / 1e6
            print(f"{state.records:16,}   {memory:7.0f} MB   {spent / state.records * 1e6:7.2f}")
    _fold_rings()


def _fold_rings() -> None:
    """Cost of ring records, starting from their bytes: four processes add one under a lock."""
    with tempfile.TemporaryDirectory() as folder:
        rings = [_ring(Path(folder), pid) for pid in range(100, 104)]
    records = [
        b"".join(_turn_in_ring(turn, which) for turn in range(RING_BATCH // 4))
        for which in range(len(rings))
    ]
    state, merge = follow(RunState(), decode(HEAD)), Merge()
    began = time.process_time()
    for _ in range(EVENTS // RING_BATCH // len(rings)):
        taken = [Taken(ring, 1, each) for ring, each in zip(rings, records, strict=True)]
        follow(state, merge.add(Look(0, NEVER, is_last=True, rings=taken)))
    spent = time.process_time() - began
    print(
        f"of rings {state.records:7,}   {state.records / spent:9,.0f} a second"
        f"   {spent / state.records * 1e6:7.2f}"
    )


def _ring(folder: Path, pid: int) -> Ring:
    memory = bytearray(layout.SIZE)
    for number, form in enumerate(FORMS, 1):
        layout.write_form(memory, number, form)
    layout.make_ready(memory, pid, 0, 1)
    path = folder / f"{pid}{layout.SUFFIX}"
    path.write_bytes(memory)
    with path.open("r+b") as file:
        return Ring(file.fileno())


def _turn_in_ring(turn: int, which: int) -> bytes:
    time = (turn * 4 + which) * 1000
    values = ((1, 0, 0, 0), (1, turn, 0, 0), (1, turn, turn + 1, 0), (0, 0, 0, 0))
    return b"".join(
        layout.RECORD.pack(time + form, 1, form, *each, turn * 4 + form)
        for form, each in enumerate(values, 1)
    )


def _batch(turn: int) -> tuple[bytes, int]:
    lines = []
    for _ in range(BATCH // 9):
        turn += 1
        number = 1 + turn // PROCESSES * 9
        values = {b"t": turn * 20_000, b"p": 100 + turn % PROCESSES, b"turn": turn, b"n": number}
        values |= {b"n%d" % step: number + step for step in range(1, 9)}
        lines.append(TURN % values)
    return b"".join(lines), turn
