"""Rows of the stepper: pure functions from a moment of a stepped run."""
