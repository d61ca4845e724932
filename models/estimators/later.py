"""How good is it on videos that came after everything it was taught on?"""

from collections.abc import Sequence

import numpy as np

from models.estimators.examples import Estimator, Floats
from models.estimators.folds import time_folds
from models.estimators.learned import Learned, Task
from models.estimators.selection import hold_out
from models.measures import regression_measures


def measure_later(
    task: Task, learned: Learned, moments: Floats, *, members: Sequence[Estimator], seed: int
) -> dict[str, float]:
    """Teach what was chosen on the past, and judge it on what came next, five times.

    Parameters
    ----------
    moments : array, shape (n,)
        When each video was published.
    members : sequence of Estimator
        Those that the choice was made from.

    Raises
    ------
    TrainingImpossible
        Too few different moments.
    """
    used = [(member, weight) for member, weight in zip(members, learned.choice.weights, strict=True) if weight]
    held_out = hold_out(
        task.examples,
        task.truth,
        groups=task.groups,
        folds=time_folds(moments),
        members=[member for member, _ in used],
        seed=seed,
    )
    rows = np.flatnonzero(held_out.judged)
    constants = held_out.constants[rows]
    said = constants.copy()
    for place, (_, weight) in enumerate(used):
        said += weight * (held_out.predictions[rows, place] - constants)
    return regression_measures(task.truth[rows], said, constants=constants, groups=task.groups[rows])
