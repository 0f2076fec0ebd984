"""Whether a terminal shows all characters or only ASCII, from what the environment says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_ENVIRONMENT = Path("/proc/self/environ")


def is_ascii_only(encoding: str | None, environment: Mapping[str, str]) -> bool:
    """Whether this stream's encoding or the locale leaves nothing but ASCII.

    In the C locale Python itself writes UTF-8 (PEP 538 and 540), so the encoding alone does not
    tell. Without a locale, as in most containers, terminals show UTF-8 all the same.
    """
    if not (encoding or "").lower().startswith("utf"):
        return True
    if environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8") == "1":
        return False
    locale = next((environment[name] for name in _BY_RANK if environment.get(name)), "")
    name, _, charset = locale.partition("@")[0].partition(".")
    if charset:
        return not charset.lower().startswith("utf")
    return name in ("C", "POSIX")


_BY_RANK = ("LC_ALL", "LC_CTYPE", "LANG")
"""The variables that name the locale for characters; the first that is not empty decides."""


def first_environment() -> dict[str, str]:
    """The environment that this process was started with.

    In the C locale Python sets LC_CTYPE to C.UTF-8 before its first line (PEP 538), and
    ``os.environ`` cannot say that nobody asked for it.
    """
    pairs = _ENVIRONMENT.read_bytes().decode("utf-8", "replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
