"""The probe: rides inside observed programs, on the standard library of Python 3.8 and newer alone.

Its modules have no ``__file__`` there, and their code has file names such as
``<mpviz_probe.standard.locks>``, so that coverage and tracers skip it; see ``sitecustomize``.
"""
