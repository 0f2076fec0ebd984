"""Takes in what processes tell and what samples see, in the order in which it happened."""
