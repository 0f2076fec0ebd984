"""A program that already runs: looked at from outside, as events for the same fold."""
