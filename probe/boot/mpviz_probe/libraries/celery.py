"""Observes Celery: gives its tasks their names. Tried with celery 5.7.0.

Its Pool is billiard's. A worker always calls the same function, with the name of a task.
"""

from mpviz_probe.functions import see_into_calls


def patch(module):
    """Patch ``celery.app.trace``."""
    for function in (module.fast_trace_task, module.trace_task_ret):
        see_into_calls(function, _names)


def _names(task, *_):
    return [task if type(task) is str else "celery task"]
