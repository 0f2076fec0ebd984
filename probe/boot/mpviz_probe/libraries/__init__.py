"""Observes libraries that have their own ways of making processes."""
