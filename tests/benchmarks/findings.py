"""What the rules of the findings cost: the same recording is folded with all of them and none."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mpviz.trace.explain.findings import RULES
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import Recording
from tests.benchmarks.pairs import Measure, compare, print_head, print_row

ROUNDS = 15
GOAL = "(goal 1.2)"
BATCH = 500
"""Events that a viewer folds at a time, or so."""

CROWD = """
import time
from multiprocessing import Lock, Process, Queue, Value

def work(gate, items, total):
    for _ in range(40):
        time.sleep(0.1)
        with gate:
            total.value += 1
        items.put(1)

if __name__ == "__main__":
    gate, items, total = Lock(), Queue(), Value("i", 0)
    workers = [Process(target=work, args=(gate, items, total)) for _ in range(200)]
    for worker in workers:
        worker.start()
    for _ in range(40 * len(workers)):
        items.get()
    for worker in workers:
        worker.join()
"""
POOL = """
from multiprocessing import Pool

if __name__ == "__main__":
    with Pool(8) as pool:
        pool.map(abs, range(40_000), chunksize=1)
"""

RUNS = (
    ("a lock, 4 processes at full speed", ("shared-counter", "work_ms=0", "increments=20000")),
    ("a pool, 40,000 tiny tasks", ("pool.py",)),
    ("200 processes, mostly asleep", ("crowd.py",)),
)


def main() -> None:
    """Print the table."""
    names = frozenset(rule.name for rule in RULES)
    print_head("folding with all findings, none", "all", "none")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "crowd.py").write_text(CROWD)
        Path(folder, "pool.py").write_text(POOL)
        for name, words in RUNS:
            events = _record(folder, words)
            everything = _folding(events, frozenset())
            print_row(name, compare(everything, _folding(events, names), ROUNDS), GOAL)


def _record(folder: str, words: tuple[str, ...]) -> list[Event]:
    file = Path(folder, "run.jsonl.gz")
    command = [str(Path(sys.executable).with_name("mpviz")), "run", "--headless"]
    subprocess.run(
        [*command, "--record", str(file), *words], cwd=folder, check=True, capture_output=True
    )
    cursor = Recording(file).first.copy()
    events: list[Event] = []
    while (more := cursor.read()) is not None:
        events += more
    file.unlink()
    return events


def _folding(events: list[Event], silenced: frozenset[str]) -> Measure:
    def measure() -> float:
        state = RunState(silenced=silenced)
        began = time.process_time()
        for start in range(0, len(events), BATCH):
            follow(state, events[start : start + BATCH])
        return time.process_time() - began

    return measure
