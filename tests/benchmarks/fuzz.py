"""Reads very many manipulated recordings: replays, exports or compares each of them.

``python -m tests.benchmarks.fuzz --inputs 1000000 --seed 0`` prints each cause of a failure once,
with the seed of its first input, and ends with status 1 if there was one. The test beside the
panels (``test_hostile_recordings.py``) does all three with a few.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.hostile import hostile, read_somehow

SLOW = 5.0
"""Limit in CPU seconds for a recording of a few hundred lines."""
REPORT_EVERY = 60.0


def main() -> None:
    """Print a line each minute, then what failed."""
    options = _options()
    causes: Counter[str] = Counter()
    refused, slowest, began, told = 0, 0.0, time.monotonic(), time.monotonic()
    with TemporaryDirectory() as folder:
        path = Path(folder, "run")
        for seed in range(options.seed, options.seed + options.inputs):
            started = time.process_time()
            try:
                refused += not read_somehow(hostile(seed), path, seed)
            except Exception as error:  # any exception is a failure
                _count(causes, _cause(error), seed)
            took = time.process_time() - started
            if took > SLOW:
                _count(causes, f"took {took:.0f} s", seed)
            slowest = max(slowest, took)
            if time.monotonic() - told > REPORT_EVERY:
                told = time.monotonic()
                _tell(seed + 1 - options.seed, causes, began)
    _tell(options.inputs, causes, began)
    print(f"refused {refused:,}, slowest {slowest:.2f} s")
    for cause, number in causes.most_common():
        print(f"{number:7} {cause}")
    sys.exit(1 if causes else 0)


def _count(causes: Counter[str], cause: str, seed: int) -> None:
    if not causes[cause]:
        print(f"seed {seed}: {cause}", flush=True)
    causes[cause] += 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read recordings that were tampered with.")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first; each takes the next")
    return parser.parse_args()


def _cause(error: Exception) -> str:
    """The type of an exception, and the place in mpviz that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 2)[-2:]}:{frames[-1].lineno}"
    return f"{type(error).__name__} {place} {str(error)[:80]}"


def _tell(inputs: int, causes: Counter[str], began: float) -> None:
    per_second = inputs / (time.monotonic() - began)
    failures = f"{causes.total()} failures of {len(causes)} causes"
    print(f"{inputs:,} inputs, {failures}, {per_second:.0f}/s", flush=True)


if __name__ == "__main__":
    main()
