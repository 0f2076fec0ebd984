"""Lanes: what each column of a lane shows, of a process or of one of its threads."""
