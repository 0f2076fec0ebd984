"""Wakes the probe in an observed interpreter, then gives way to the program's own sitecustomize.

Python imports this at its start because a launch under mpviz puts this folder in front of
``PYTHONPATH``; so every descendant finds it, whatever its start method.
"""

import os
import sys


def _wake():
    if "MPVIZ_EVENTS" not in os.environ:
        return
    try:
        from mpviz_probe import arm

        arm.arm()
    except Exception:
        # There is no queue to report to; and the program must never notice that we failed.
        return


def _give_way(folder):
    """Take this folder off the path, and run the sitecustomize that the program would have had."""
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        # A Python 2, in which the probe stays silent, does not have the name.
        name = getattr(error, "name", None) or str(error).split()[-1]
        if name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours


_wake()
_give_way(os.path.dirname(os.path.abspath(__file__)))
