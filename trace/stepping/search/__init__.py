"""Which order to try next: explorers that are told of one run after the other."""
