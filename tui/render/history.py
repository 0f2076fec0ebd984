"""A value over the whole run in as many columns as there are."""

from __future__ import annotations

from mpviz.trace.model.measures import Series


def columns_of(series: Series, origin: int, now: int, columns: int) -> list[float | None]:
    """The highest value within each column; None where none was known yet."""
    span = max(columns, now - origin)
    edges = [origin + span * column // columns for column in range(columns + 1)]
    return [
        series.peak(edges[column], max(edges[column] + 1, edges[column + 1]))
        for column in range(columns)
    ]
