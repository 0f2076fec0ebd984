"""A recorded run in forms that other tools read; what is drawn is in ``mpviz.tui.exports``."""
