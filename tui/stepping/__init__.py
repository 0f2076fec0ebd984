"""Steps through a run by hand: what was chosen so far, and the thread in which the run goes on."""
