"""Gates: before an operation on what processes share, a task says what it will do, and waits.

Only where the environment has :data:`ENVIRONMENT_VARIABLE`; else nothing here is imported.
"""

ENVIRONMENT_VARIABLE = "MPVIZ_STEPS"
"""The name of the abstract socket on which whoever decides listens."""
