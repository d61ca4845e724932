"""How videos did in which somebody was, or that came from a channel, as far as it was known at a time.

A video must not be scored by what became known after it was published: every number here takes the
moment up to which it may look.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.event import VideoId
from schemas.outcomes import OutcomeObserved


class Appearance(NamedTuple):
    """Somebody in a video: `share` of its time in [0, 1]."""

    video_id: VideoId
    share: float


class Influence(NamedTuple):
    """What is known of somebody's videos.

    Attributes
    ----------
    videos : int
        In which they are.
    share : float
        Mean share of the time.
    observed : int
        Videos with an outcome.
    views : float or None
        Geometric mean: one hit among ten flops is not ten half hits.
    engagement : float or None
        Likes, comments and shares by views, over all videos together.
    """

    videos: int
    share: float
    observed: int
    views: float | None
    engagement: float | None


def influence(
    appearances: Iterable[Appearance],
    outcomes: Mapping[VideoId, Sequence[OutcomeObserved]],
    *,
    before_s: float = math.inf,
    except_for: VideoId | None = None,
) -> Influence:
    """Sum somebody up.

    Parameters
    ----------
    appearances : iterable
        One for each video.
    outcomes : mapping
        All observations of each video, in any order.
    before_s : float
        Only what was observed earlier counts (seconds since the epoch, UTC): the moment at which the video
        that is to be scored was published.
    except_for : str, optional
        That video itself.

    >>> influence([Appearance("url:a", 0.5)], {}).videos
    1
    """
    seen = [a for a in appearances if a.video_id != except_for]
    last = [o for a in seen if (o := _last(outcomes.get(a.video_id, ()), before_s)) is not None]
    views = [o.views for o in last if o.views is not None]
    return Influence(
        videos=len(seen),
        share=round(sum(a.share for a in seen) / len(seen), 6) if seen else 0.0,
        observed=len(last),
        views=round(math.expm1(sum(math.log1p(v) for v in views) / len(views)), 3) if views else None,
        engagement=_engagement(last),
    )


def numbers_of(known: Influence) -> dict[str, float]:
    """Name what is known for scoring; what is not known is left out, never zero.

    Returns
    -------
    dict
        ``videos``, ``views_log`` (natural logarithm of one more than the geometric mean), ``engagement``.
    """
    views_log = None if known.views is None else round(math.log1p(known.views), 6)
    numbers = {"videos": float(known.videos), "views_log": views_log, "engagement": known.engagement}
    return {name: value for name, value in numbers.items() if value is not None}


def together(cast: Sequence[tuple[Mapping[str, float], float]]) -> dict[str, float]:
    """Mean over several, each weighted by its share of the time; of every number over those who have it.

    >>> together([({"videos": 3.0}, 0.5), ({"videos": 1.0, "engagement": 0.1}, 0.5)])
    {'engagement': 0.1, 'videos': 2.0}
    """
    names = sorted({name for numbers, share in cast for name in numbers if share > 0})
    return {name: _weighted([(numbers[name], share) for numbers, share in cast if name in numbers]) for name in names}


def _weighted(values: Sequence[tuple[float, float]]) -> float:
    return round(math.fsum(value * weight for value, weight in values) / math.fsum(weight for _, weight in values), 6)


def _last(observations: Iterable[OutcomeObserved], before_s: float) -> OutcomeObserved | None:
    known = [o for o in observations if before_s == math.inf or _at_s(o) < before_s]
    return max(known, key=lambda o: (o.observed_at_s or 0.0, o.moment), default=None)


def _at_s(outcome: OutcomeObserved) -> float:
    """When it was counted; what nobody dated cannot be said to be known in time."""
    return math.inf if outcome.observed_at_s is None else outcome.observed_at_s


def _engagement(observations: Iterable[OutcomeObserved]) -> float | None:
    counted = [o for o in observations if o.views]
    views = sum(o.views or 0 for o in counted)
    reactions = sum((o.likes or 0) + (o.comments or 0) + (o.shares or 0) for o in counted)
    return round(reactions / views, 6) if views else None
