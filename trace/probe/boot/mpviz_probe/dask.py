"""Observes dask's scheduler of processes: what its tasks are for, by the keys that dask gives them.

The program's function comes to a worker in a pickle, with all that it is to be called with. The
key says what it is: ``work-5f3a9c``, or ``('sum-9b1c', 2)``. Tried with dask 2026.8.
"""

from mpviz_probe.functions import see_into_calls


def patch(module):
    """Patch ``dask.local``."""
    see_into_calls(module.batch_execute_tasks, _names_of_tasks)


def _names_of_tasks(tasks):
    return [_name_of(task[0]) for task in tasks]


def _name_of(key):
    """What dask itself calls a key on its screens: without what makes it unique."""
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
