"""The probe: rides inside observed programs, on the standard library of Python 3.8 and newer alone.

There its modules have no ``__file__``, and their code names ``<mpviz_probe.locks>`` as its file, so
that coverage and tracers pass over it; see ``sitecustomize``.
"""
