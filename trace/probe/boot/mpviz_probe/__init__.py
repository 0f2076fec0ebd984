"""The part of mpviz that rides inside an observed process; standard library only, Python 3.8+."""
