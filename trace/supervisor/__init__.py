"""The process between mpviz and the program: it starts the program, and ends what is left of it."""

from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervisor.py")
"""The script that it runs."""
