"""Two releases side by side: what was measured when they were trained, and what they said of the same videos."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from models.outcome_truth import truth_of
from schemas.event import Event
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.promotions import ShadowScored
from schemas.releases import ReleasePublished
from schemas.targets import TargetDefined
from streams.kafka.bulk import Record, event_of, read_to_end
from streams.settings import Settings

TOPICS = ("predictions", "shadows", "outcomes")

FEWEST_TO_CORRELATE = 3


class OnBoth(msgspec.Struct, frozen=True, kw_only=True):
    """What two releases, `a` and `b`, said of the videos that both have scored.

    Attributes
    ----------
    mean_difference : float or None
        Of `b` above `a`, in the target's units; None without videos.
    correlation : float or None
        Pearson's; None with fewer than three videos, or where one always says the same.
    with_outcome : int
        Videos whose truth is known from outcomes after both releases were trained.
    error_a, error_b : float or None
        Mean absolute errors on these.
    share_a_worse, share_b_worse : float or None
        Shares of these where one has the larger error; together less than 1 where they are as good.
    classes : dict
        Of a target with classes: how much more likely `b` finds each class than `a`, in the mean. What is said of all
        videos above is then None: the likeliest class of one need not be that of the other.
    """

    videos: int
    mean_difference: float | None = None
    correlation: float | None = None
    with_outcome: int = 0
    error_a: float | None = None
    error_b: float | None = None
    share_a_worse: float | None = None
    share_b_worse: float | None = None
    classes: dict[str, float] = {}


class Said(msgspec.Struct):
    """What lies on the topics about videos of one target, by release and video."""

    values: dict[str, dict[str, float]]
    outcomes: dict[str, dict[str, OutcomeObserved]]
    unit: str = ""
    chances: dict[str, dict[str, dict[str, float]]] = {}
    """By release and video, of targets with classes."""


def collect(records: Iterable[Record], names: frozenset[tuple[str, str]]) -> Said:
    """Take the last final prediction of each release for each video, also where a later release has replaced it.

    Parameters
    ----------
    names : frozenset
        Targets and release ids.
    """
    said = Said(defaultdict(dict), defaultdict(dict))
    for record in records:
        if record.value is None:
            _forget(said, record.topic, (record.key or b"").decode(errors="replace"))
            continue
        event = event_of(record)
        if isinstance(event, OutcomeObserved):
            said.outcomes[event.video_id][event.record_key] = event
        elif (scored := _scored(event)) and (scored.target, scored.release_id) in names and scored.stage == "final":
            said.values[scored.release_id][scored.video_id] = scored.value
            said.unit = scored.unit
            if scored.classes:
                own = {one.name: one.probability for one in scored.classes}
                said.chances.setdefault(scored.release_id, {})[scored.video_id] = own
    return said


def on_both(said: Said, a: ReleasePublished, b: ReleasePublished, target: TargetDefined | None = None) -> OnBoth:
    """Compare on the videos that both have scored."""
    of_a, of_b = said.values.get(a.release_id, {}), said.values.get(b.release_id, {})
    videos = sorted(of_a.keys() & of_b.keys())
    if not videos:
        return OnBoth(videos=0)
    if any(release.kind == "multilabel" for release in (a, b)):
        return OnBoth(videos=len(videos), classes=_by_class(said, a.release_id, b.release_id, videos))
    values_a, values_b = (np.array([of[v] for v in videos]) for of in (of_a, of_b))
    after_s = max(a.trained_at_s, b.trained_at_s)
    truth = _truth(said, videos, target, after_s=after_s)
    known = ~np.isnan(truth)
    errors_a, errors_b = abs(values_a - truth)[known], abs(values_b - truth)[known]
    counted = bool(known.any())
    return OnBoth(
        videos=len(videos),
        mean_difference=float((values_b - values_a).mean()),
        correlation=_correlation(values_a, values_b),
        with_outcome=int(known.sum()),
        error_a=float(errors_a.mean()) if counted else None,
        error_b=float(errors_b.mean()) if counted else None,
        share_a_worse=float((errors_a > errors_b).mean()) if counted else None,
        share_b_worse=float((errors_b > errors_a).mean()) if counted else None,
    )


def read_said(settings: Settings, bootstrap: str, a: ReleasePublished, b: ReleasePublished) -> Said:
    """Read what both releases have said, live or in the shadow, and what became of the videos.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    Unreadable
        A record is no event of its topic.
    """
    names = frozenset({(a.target, a.release_id), (b.target, b.release_id)})
    return collect(read_to_end(settings, bootstrap, TOPICS), names)


def metrics_of(a: ReleasePublished, b: ReleasePublished) -> Mapping[str, tuple[float | None, float | None]]:
    """What was measured when the releases were trained, by name."""
    names = sorted(a.metrics.keys() | b.metrics.keys())
    return {name: (a.metrics.get(name), b.metrics.get(name)) for name in names}


def _by_class(said: Said, a: str, b: str, videos: list[str]) -> dict[str, float]:
    """Mean differences over the videos of which both have spoken of the class."""
    differences: dict[str, list[float]] = defaultdict(list)
    for video_id in videos:
        one, other = (said.chances.get(release, {}).get(video_id, {}) for release in (a, b))
        for name in one.keys() & other.keys():
            differences[name].append(other[name] - one[name])
    return {name: float(np.mean(differences[name])) for name in sorted(differences)}


def _scored(event: Event) -> VideoScored | None:
    if isinstance(event, ShadowScored):
        return event.prediction
    return event if isinstance(event, VideoScored) else None


def _forget(said: Said, topic_name: str, key: str) -> None:
    """A tombstone: the video was erased, or its outcome taken back."""
    video_id = key.split("/", 1)[0]
    if topic_name == "outcomes":
        said.outcomes[video_id].pop(key, None)
        return
    for values in said.values.values():
        values.pop(video_id, None)


def _truth(said: Said, videos: list[str], target: TargetDefined | None, *, after_s: float) -> "np.ndarray":
    outcomes = (list(said.outcomes.get(video_id, {}).values()) for video_id in videos)
    found = [
        truth_of(target, said.unit, sorted(seen, key=lambda o: o.record_key), after_s=after_s).value
        for seen in outcomes
    ]
    return np.array([np.nan if value is None else value for value in found], np.float64)


def _correlation(a: "np.ndarray", b: "np.ndarray") -> float | None:
    if len(a) < FEWEST_TO_CORRELATE or not a.std() or not b.std():
        return None
    return float(np.corrcoef(a, b)[0, 1])
