"""What is true of a run: events, and the state that they make. No clock, no file, no thread."""
