"""How it is shown: the command line and the screens."""
