"""Runs whose steps somebody chooses."""
