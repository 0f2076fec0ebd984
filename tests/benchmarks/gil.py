"""What gil-race teaches, in a number: how much sooner processes are done than threads."""

import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.pairs import Comparison, print_head, print_row

ROUNDS = 3
WORDS = ("gil-race", "workers=2", "tasks=8", "pause=0")


def main() -> None:
    """Print the table."""
    mpviz = str(Path(sys.executable).with_name("mpviz"))
    print_head("processes against threads", "threads", "processes")
    for name, command in (
        ("gil-race with 2 workers", [sys.executable, "-m", "mpviz.scenarios"]),
        ("gil-race with 2 workers, watched", [mpviz, "run", "--headless"]),
    ):
        print_row(name, _compared([*command, *WORDS]), "at least 1.4")


def _compared(command: list[str]) -> Comparison:
    """The seconds of both parts, as the program itself says."""
    threads, processes = zip(*[_seconds(command) for _ in range(ROUNDS)], strict=True)
    return Comparison(list(threads), list(processes))


def _seconds(command: list[str]) -> tuple[float, float]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    parts = re.findall(r"in (\w+): \d+ primes in ([\d.]+) s", done.stdout)
    seconds = {name: float(number) for name, number in parts}
    return seconds["threads"], seconds["processes"]
