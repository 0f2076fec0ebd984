"""The programs that are watched: one file each, and their catalogue."""
