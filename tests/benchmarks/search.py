"""How soon a search finds the fault of small programs, and how many runs prove their twins right.

``plain`` is how many of 400 runs without mpviz fail; ``reduced`` the run in which the first order
fails, and how many runs it takes to try all orders of the twin; ``by chance`` the run in which an
order by chance fails, over 20 seeds.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from mpviz.trace.launch.start import Target
from mpviz.trace.stepping.quick import QuickRun
from mpviz.trace.stepping.search.dpor import Dpor
from mpviz.trace.stepping.search.driver import Limits, Outcome, search
from mpviz.trace.stepping.search.explorer import Explorer
from mpviz.trace.stepping.search.failure import DEADLOCK, EXIT
from mpviz.trace.stepping.search.randomly import Randomly
from tests.helpers.programs_to_search import PAIRS, source

PLAIN_RUNS = 400
PLAIN_SECONDS = 5.0
"""After which a plain run is taken to hang."""

SEEDS = range(20)
LIMITS = Limits(seconds=600, runs=2_000)


def main() -> None:
    """Print the table."""
    print(
        f"\n{'program':18} {'plain':>9} {'reduced':>8} {'by chance':>15} {'twin':>9} {'steps/s':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, pair in PAIRS.items():
            faulty, mended = Path(folder, "faulty.py"), Path(folder, "mended.py")
            faulty.write_text(source(pair.faulty))
            mended.write_text(source(pair.mended))
            plain = sum(_fails(faulty) for _ in range(PLAIN_RUNS))
            reduced = _searched(faulty, Dpor()).runs
            chance = sorted(_searched(faulty, Randomly(seed)).runs for seed in SEEDS)
            twin = _searched(mended, Dpor())
            proof = f"{twin.runs} runs" if twin.complete else "not all"
            print(
                f"{name:18} {plain:>3} of {PLAIN_RUNS} {reduced:>8}"
                f" {median(chance):>5.0f} (at most {chance[-1]})"
                f" {proof:>9} {twin.steps / twin.seconds:>8.0f}",
                flush=True,
            )
    _pace()


def _fails(file: Path) -> bool:
    try:
        done = subprocess.run(
            [sys.executable, str(file)], timeout=PLAIN_SECONDS, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0 or b"Error" in done.stderr


def _searched(file: Path, explorer: Explorer, limits: Limits = LIMITS) -> Outcome:
    target = Target([str(file)], name=file.name, directory=file.parent)
    *_, outcome = search(lambda: QuickRun(target), [(explorer, 1.0)], limits, {EXIT, DEADLOCK})
    return outcome


def _pace() -> None:
    """How many runs a second, what mpviz itself needs for them, and whether its memory grows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(source(PAIRS["lost update"].mended))
        before, began = time.process_time(), time.monotonic()
        first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome = _searched(file, Randomly(1), Limits(seconds=60))
        took, used = time.monotonic() - began, time.process_time() - before
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first
        print(
            f"\n{outcome.runs / took:.1f} runs a second, {outcome.steps / took:.0f} steps a second;"
            f" mpviz itself: {1000 * used / outcome.runs:.1f} ms of CPU a run; {grown} KiB more"
            f" memory after {outcome.runs} runs"
        )


if __name__ == "__main__":
    main()
