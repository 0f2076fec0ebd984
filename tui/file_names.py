"""Names of the files that mpviz writes on its own, into the current directory."""

from datetime import datetime
from pathlib import Path

PICTURE = ".svg"
RECORDING = ".jsonl.gz"
SCHEDULE = ".schedule.json"


def file_name(about: str, kind: str) -> str:
    """A name with the date and the time: ``mpviz-pool-map-20260131-120000.svg``."""
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "_" for letter in about)
    return f"mpviz-{safe[:80]}-{datetime.now():%Y%m%d-%H%M%S}{kind}"


def numbered(path: Path, number: int) -> Path:
    """The name for another run: ``run.jsonl.gz`` becomes ``run-2.jsonl.gz``; the first keeps it."""
    if number < 2:
        return path
    stem, dot, kinds = path.name.partition(".")
    return path.with_name(f"{stem}-{number}{dot}{kinds}")
