"""The fold: events in, RunState out; no clock, no file, no thread, so a replay is the run again."""
