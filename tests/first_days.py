"""Made-up videos that were counted every day: Hawkes processes of many shapes, with luck."""

from collections.abc import Iterator

import fitted
import msgspec
import numpy as np
import runs

from models import hip
from schemas.outcomes import OutcomeObserved
from schemas.summaries import Summarised

DAY_H = 24


def daily(seed: int, days: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Views and shares a day."""
    random = np.random.default_rng(seed)
    shares = random.poisson(random.uniform(5, 40) * np.exp(-np.arange(days) / random.uniform(10, 60)) + 1)
    offset, theta = random.uniform(0.5, 6), random.uniform(0.3, 1.2)
    scale = random.uniform(0.1, 0.8) / float(((np.arange(1, days) + offset) ** -(1 + theta)).sum())
    process = hip.Process(*random.uniform([100, 10, 20], [3000, 300, 200]).tolist(), scale, offset, theta)
    views = random.poisson(hip.intensity(process, shares.astype(float)))
    return views, shares


def counted(seed: int, days: list[int]) -> Iterator[OutcomeObserved]:
    """Counts so far at these ages."""
    views, shares = (np.cumsum(series) for series in daily(seed))
    for day in days:
        yield OutcomeObserved(
            event_id=runs.event_id("outcome", seed, day),
            video_id=f"url:v{seed}",
            age_h=day * DAY_H,
            observed_at_s=1.6e9 + day * 86_400.0,
            views=int(views[day - 1]),
            shares=int(shares[day - 1]),
        )


def video(seed: int, days: list[int]) -> Summarised:
    """A summary with counts at these ages, and a title that says nothing of them."""
    return msgspec.structs.replace(fitted.summary(seed), outcomes=tuple(counted(seed, days)))
