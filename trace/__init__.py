"""How programs are watched: launched, followed and recorded, and what it all means."""
