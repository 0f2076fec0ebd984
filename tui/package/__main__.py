"""``python -m mpviz``."""

from __future__ import annotations

import sys

from mpviz.tui.entry import main

if __name__ == "__main__":
    sys.exit(main())
