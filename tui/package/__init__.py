"""Watch Python multiprocessing live in the terminal."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    # Not at the top: a scenario imports this package too, and nothing of mpviz but scenarios.
    if name == "__version__":
        from mpviz.trace.version import VERSION  # noqa: PLC0415

        return VERSION
    raise AttributeError(name)
