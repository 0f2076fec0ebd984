"""A record that an alarm interrupts is told exactly once, and no number is left out or used twice.

A number that is missing is shown as a lost record. One that is used twice hides such a loss.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from helpers.writers import all_of
from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.model.events import Event, ProbeError
from mpviz.trace.model.primitives.value import ValueWritten
from mpviz.trace.model.told import as_events

pytestmark = pytest.mark.usefixtures("nothing_left")

PROGRAM = '''
import json, random, signal, sys
sys.path.insert(0, sys.argv[1])
from mpviz_probe import sections, wire
wire.open_queue(sys.argv[2])
WRITTEN = b"value.written", b'"o":"x"', (b"s", b"before", b"value", b"index")
form, line = wire.form(*WRITTEN), wire.form_of_line(*WRITTEN)

class Alarm(Exception):
    """As a program's own time-outs."""

raised = 0

def ring(number, frame):
    global raised
    raised += 1
    raise Alarm("the program's own")

def fields(value):
    return b'"o":"x","s":1,"before":0,"value":%d,"index":0' % value

tell_in_section = sections.locked(lambda value: sections.tell(WRITTEN[0], fields(value)))

TELL = {
    "into the ring": lambda value: wire.send(form, 1, 0, value, 0),
    "by the pipe": lambda value: wire.send(line, 1, 0, value, 0),
    "by put": lambda value: wire.put(WRITTEN[0], fields(value)),
    "at once": lambda value: wire.send_at_once(form, 1, 0, value, 0),
    "held": lambda value: wire.send_at_once(line, 1, 0, value, 0),
    "in a section": tell_in_section,
}
tell, finished, value = TELL[sys.argv[3]], [], 0

def tell_until_it_rings(before):
    # A separate function: up to Python 3.13, the jump back of a loop is not inside its try.
    global value
    while raised == before:
        value += 1
        tell(value)
        finished.append(value)

def interrupted(seconds):
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        tell_until_it_rings(raised)
    except Alarm as error:
        if wire.was_told(error) and finished[-1:] != [value]:
            finished.append(value)

signal.signal(signal.SIGALRM, ring)
draw = random.Random(7)
for _ in range(1000):
    interrupted(draw.uniform(1e-6, 3e-5))
assert not sections.is_inside()
wire.put(b"wait.over")
print(json.dumps([raised, finished]))
'''


@pytest.mark.parametrize(
    "way", ["into the ring", "by the pipe", "by put", "at once", "held", "in a section"]
)
def test_a_record_is_sent_once_with_a_number_of_its_own_despite_alarms(
    queue: Transport, tmp_path: Path, python: str, way: str
) -> None:
    output = tmp_path / "output"
    events: list[Event] = []
    with output.open("w") as file:
        command = [python, "-I", "-c", PROGRAM, str(BOOT), str(queue.path), way]
        with subprocess.Popen(command, stdout=file) as process:
            while process.poll() is None:
                events += as_events(queue.get(timeout=0.1))
    events += all_of(queue)
    assert process.returncode == 0
    raised, finished = json.loads(output.read_text())
    assert raised == 1000
    assert not any(isinstance(event, ProbeError) for event in events)
    values = Counter(event.value for event in events if isinstance(event, ValueWritten))
    assert set(finished) <= set(values)
    assert max(values.values()) == 1
    numbers = sorted(event.number for event in events)
    assert numbers == list(range(1, len(numbers) + 1))
