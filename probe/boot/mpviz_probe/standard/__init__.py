"""Observes what Python itself has: ``multiprocessing``, ``concurrent.futures`` and their like."""
