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
    "search",
)

WITH_WORDS = ("attached", "cases", "warm")
"""Benchmarks that have words of their own on the command line, and run only if they come first."""


def main() -> None:
    """Print the table of each benchmark."""
    if sys.argv[1:2] and sys.argv[1] in WITH_WORDS:
        import_module(f"tests.benchmarks.{sys.argv[1]}").main(sys.argv[2:])
        return
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            sys.exit(
                f"there is no benchmark {name!r}; there are {', '.join((*NAMES, *WITH_WORDS))}"
            )
        import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
