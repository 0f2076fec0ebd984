"""The process between mpviz and the program: it starts the program, and ends what is left of it."""
