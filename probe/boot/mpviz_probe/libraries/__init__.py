"""Observes libraries that make processes in ways of their own."""
