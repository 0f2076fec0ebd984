"""Does nothing: it takes the place of a script that a process was given, and has not run yet."""
