"""The version of mpviz; to ask the installed package for it takes 20 ms, at every start."""

VERSION = "0.1.0"
