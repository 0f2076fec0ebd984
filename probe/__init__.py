"""Where the probe lies, for whoever launches a program under it."""

from pathlib import Path

BOOT = Path(__file__).parent / "boot"
"""The folder that goes in front of an observed program's ``PYTHONPATH``."""
