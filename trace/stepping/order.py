"""The order of tasks: a process before its threads, and main.2 before main.10."""

from __future__ import annotations


def in_order(task: str) -> list[tuple[int, str]]:
    """What sorts ids of tasks."""
    parts = task.replace("/", ".").split(".")
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
