"""The looker: a process that reads a running program from outside, and changes nothing in it."""

from pathlib import Path

LOOKER = Path(__file__).with_name("looker.py")
"""The script that it runs."""
