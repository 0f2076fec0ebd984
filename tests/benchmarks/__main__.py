"""Runs the benchmarks that are named, or all of :data:`NAMES`."""

import sys
from importlib import import_module

NAMES = (
    "gil",
    "overhead",
    "lasting",
    "real",
    "startup",
    "screen",
    "long_run",
    "findings",
    "replay",
)


def main() -> None:
    """Print the table of each benchmark."""
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            sys.exit(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
        import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
