"""What the state means: who waits for whom, what is wrong, where the time went."""
