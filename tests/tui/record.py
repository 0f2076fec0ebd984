"""Records the stream that the tests of the screens show: ``python tests/tui/record.py``."""

import sys
from pathlib import Path

import msgspec

from mpviz.trace.launch import session
from mpviz.trace.launch.start import start
from mpviz.trace.model.events import Event
from mpviz.tui.commands.targets import from_words

HERE = Path(__file__).parent
PROGRAM = HERE / "counting.py"
STREAM = HERE / "stream.jsonl"


def main() -> None:
    """Run the program and keep every event of it, one a line, without the paths of this machine."""
    events: list[Event] = []
    fold = session.fold

    def keep(state: object, batch: list[Event]) -> None:
        events.extend(batch)
        fold(state, batch)  # type: ignore[arg-type]

    session.fold = keep  # type: ignore[assignment]
    words = [str(PROGRAM)]
    target = from_words(words, module=False, python=None, start_method="fork")
    run = start(target, capture=True)
    try:
        while not run.over:
            run.step(0.05)
    finally:
        run.close()
    text = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
    text = text.replace(str(HERE).encode(), b"@HERE@")
    STREAM.write_bytes(text.replace(sys.executable.encode(), b"python"))


if __name__ == "__main__":
    main()
