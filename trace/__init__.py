"""How programs are watched: the probe, the way of the events, and what is true at a moment."""
