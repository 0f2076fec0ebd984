"""Observes dask's process scheduler: names its tasks by the keys that dask gives them.

A worker gets the program's function in a pickle, together with its arguments. The key names the
function: ``work-5f3a9c``, or ``('sum-9b1c', 2)``. Tried with dask 2026.8.
"""

from mpviz_probe.functions import see_into_calls


def patch(module):
    """Patch ``dask.local``."""
    see_into_calls(module.batch_execute_tasks, lambda tasks: [_name_of(each[0]) for each in tasks])


def _name_of(key):
    """The name that dask itself shows for a key: the key without its unique part."""
    while type(key) is tuple and key:
        key = key[0]
    if type(key) is not str:
        return "dask"
    name, *rest = key.split("-")
    for word in rest:
        if not word.isalpha() or (len(word) == 8 and not word.strip("abcdef")):
            break
        name += "-" + word
    return name
