"""What the operating system is asked for: processes, folders, limits, signals."""
