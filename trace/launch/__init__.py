"""Starts a program, and brings what it tells into the state of the run."""
