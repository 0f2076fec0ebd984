"""What a person can do, by which keys, and to what."""
