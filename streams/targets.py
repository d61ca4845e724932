"""What can be learned from a table of outcomes: targets are rows of this table, not code elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import TrainingImpossible
from streams.training_table import VideoRow

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing to predict.

    Attributes
    ----------
    measure : callable
        Rows to the truth about each, shape (n,).
    limits : tuple of float or None
        Smallest and largest possible value.
    success : str
        What a value in the best fifth means, in words.
    columns : tuple of str
        Counts a row must have.
    """

    name: str
    unit: str
    measure: Callable[[Sequence[VideoRow]], Floats]
    success: str
    columns: tuple[str, ...]
    limits: tuple[float, float] | None = None


def view_percentile(rows: Sequence[VideoRow]) -> Floats:
    """Share of the table's videos with fewer views, 0 to 100; equal counts share the mean of their ranks."""
    from scipy.stats import rankdata

    views = [row.metadata.views or 0 for row in rows]
    percentile: Floats = (rankdata(views) - 0.5) / len(views) * 100
    return percentile


def engagement(rows: Sequence[VideoRow]) -> Floats:
    """Likes for each view on a log10 scale; 1 and 100 keep small counts from shouting."""
    likes = np.array([row.metadata.likes or 0 for row in rows], np.float64)
    views = np.array([row.metadata.views or 0 for row in rows], np.float64)
    return np.log10((likes + 1) / (views + 100))


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="virality",
            unit="percentile of views",
            measure=view_percentile,
            success="among the 20 % most viewed",
            columns=("views",),
            limits=(0.0, 100.0),
        ),
        Target(
            name="engagement",
            unit="log10 of likes a view",
            measure=engagement,
            success="among the 20 % with the most likes a view",
            columns=("views", "likes"),
        ),
    )
}


def find_target(name: str) -> Target:
    """Look a target up.

    Raises
    ------
    TrainingImpossible
        There is none of that name.
    """
    if name not in TARGETS:
        raise TrainingImpossible(f"no target is called {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]


def usable(rows: Sequence[VideoRow], target: Target) -> list[VideoRow]:
    """Rows that have every count the target is measured by.

    Raises
    ------
    TrainingImpossible
        Not one row has them.
    """
    found = [r for r in rows if all(getattr(r.metadata, column) is not None for column in target.columns)]
    if not found:
        raise TrainingImpossible(f"{target.name} needs {' and '.join(target.columns)}, which no row has")
    return found
