"""The version of mpviz, in the one place where it is written.

The build reads it here (``pyproject.toml``), and the command line does, since to ask the installed
package for it takes 20 ms, at every start.
"""

VERSION = "0.2.0.dev0"
