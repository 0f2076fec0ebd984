"""The commands about programs that already run."""
