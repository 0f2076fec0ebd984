"""Recordings: written while a run lasts, read again, and gone through."""
