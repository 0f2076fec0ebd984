"""The programs of this machine that can be attached to, as a screen to choose from."""
