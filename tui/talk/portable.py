"""Makes a recording fit to be passed on: nothing in it says where on this machine things were."""

from __future__ import annotations

import gzip
import re
import sys
import sysconfig
from pathlib import Path

from mpviz.scenarios import catalogue


def make_portable(file: Path) -> None:
    """Shorten the paths in a recording, which is also compressed as well as can be."""
    text = gzip.decompress(file.read_bytes()).decode()
    for path, short in _places():
        text = text.replace(path, short)
    # Another interpreter's, or a library's: from the folder of its Python on.
    text = re.sub(r'"/[^"\s]*?/(python3(?:\.\d+)?/)', r'"\1', text)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def _places() -> list[tuple[str, str]]:
    """Paths and what stands for each, the longest first."""
    python = f"python{sysconfig.get_python_version()}"
    places = {
        str(Path(catalogue.__file__).parent): "scenarios",
        sysconfig.get_path("stdlib"): python,
        sys.executable: "python3",
        str(Path(sys.executable).resolve()): python,
        str(Path.cwd()): ".",
        str(Path.home()): "~",
    }
    return sorted(places.items(), key=lambda each: -len(each[0]))
