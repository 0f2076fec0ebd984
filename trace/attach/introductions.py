"""What a process is called, and what keeps mpviz from looking into it."""

from __future__ import annotations

from mpviz.trace.attach.program import ProcessLook
from mpviz.trace.model.text import clean

_NAMED_BY = {
    "process._bootstrap": "self",
    "process.run": "self",
    "popen_fork._launch": "process_obj",
    "popen_spawn_posix._launch": "process_obj",
}


def given_name(process: ProcessLook) -> str:
    """The name of its ``Process`` object, to which the frames in which it began lead."""
    main = process.main
    for frame in reversed(main.frames if main is not None else []):
        for call, variable in _NAMED_BY.items():
            if frame.call == call:
                name = process.itself(frame, variable).get("_name")
                if isinstance(name, str):
                    return clean(name)
    return ""


def problem_with(process: ProcessLook, root: int) -> str:
    """Why its stacks cannot be read, in words that follow its name."""
    told = process.told
    if any(each.frames for each in process.threads) or told["status"] == "Z":
        return ""
    if not told.get("python"):
        return "is no Python"
    if told["python"] == "PyPy" or told["python"].endswith("t"):
        return f"is a Python {told['python']}, into which mpviz cannot look"
    if told.get("refused"):
        return (
            f"cannot be looked into: {told['refused']}; mpviz why --sudo {root} reads it as root,"
            " and nothing else of mpviz runs as root"
        )
    return f"cannot be looked into: {told['problem']}" if told.get("problem") else ""
