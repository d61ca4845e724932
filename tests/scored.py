"""Predictions of made-up releases, and what became of the videos."""

import runs

from processors.scoreboard import ScoreboardFold
from schemas.event import Event
from schemas.outcomes import OutcomeObserved
from schemas.predictions import ClassChance, Interval, SegmentScored, VideoScored
from schemas.promotions import ShadowScored
from schemas.releases import ReleasePublished
from schemas.targets import Measure, TargetDefined

TARGET = TargetDefined(
    event_id="t",
    name="engagement",
    version=1,
    kind="regression",
    title="Engagement",
    description="Likes and comments.",
    measures=(
        Measure(name="counted", formula="engagement", unit="in 100 views"),
        Measure(name="ranked", formula="log_count", unit="percentile", scale="percentile"),
    ),
)

TRAINED_S = 1.7e9

WEEK_S = 7 * 86_400.0


def hearing(fold: ScoreboardFold, *releases: str) -> ScoreboardFold:
    """Tell a scoreboard of the target and of releases."""
    for release_id in releases or ("r1", "r2"):
        fold.hear(published(release_id))
    fold.hear(TARGET)
    return fold


def published(
    release_id: str, trained_at_s: float = TRAINED_S, *, target: str = "engagement", kind: str = "regression"
) -> ReleasePublished:
    return ReleasePublished(
        event_id=release_id, target=target, release_id=release_id, kind=kind, files=(),
        trained_at_s=trained_at_s, rows=1, metrics={}, beats_constant=True,
    )  # fmt: skip


def prediction(number: int, value: float = 10.0, *, release_id: str = "r1", **changes: object) -> VideoScored:
    given: dict[str, object] = {
        "event_id": runs.event_id("scored", number, value, release_id),
        "video_id": f"url:v{number}",
        "revision": runs.revision("one"),
        "summary_id": "s",
        "target": "engagement",
        "release_id": release_id,
        "stage": "final",
        "value": value,
        "unit": "in 100 views",
        "interval": Interval(low=value - 2, high=value + 2, level=0.9),
        "constant": 8.0,
        "beats_constant": True,
    }
    return VideoScored(**given | changes)


def film(number: int, *, release_id: str = "c1", **chances: float) -> VideoScored:
    """What a release of classes says of a video."""
    said = {"holiday": 0.6, "shopping": 0.1} | chances
    classes = tuple(
        ClassChance(name=name, probability=chance, base_rate=0.2, likely_from=0.5, beats_base_rate=True)
        for name, chance in sorted(said.items(), key=lambda item: -item[1])
    )
    unit, anything = "chance, 0 to 1", Interval(low=0.0, high=1.0, level=1.0)
    given = {"target": "scenes", "release_id": release_id, "unit": unit, "interval": anything, "classes": classes}
    return prediction(number, classes[0].probability, **given)


def segments_of(scored: VideoScored) -> list[SegmentScored]:
    """Two segments of it."""
    return [
        SegmentScored(
            event_id=f"{scored.event_id}/{index}", video_id=scored.video_id, revision=scored.revision,
            scope=str(index), summary_id=f"s{index}", target=scored.target, release_id=scored.release_id,
            start_s=4.0 * index, end_s=4.0 * index + 4, chances={one.name: one.probability for one in scored.classes},
        )
        for index in range(2)
    ]  # fmt: skip


def shadow(number: int, value: float = 10.0, *, release_id: str = "r2") -> ShadowScored:
    scored = prediction(number, value, release_id=release_id)
    return ShadowScored(event_id="shadow" + scored.event_id, video_id=scored.video_id, prediction=scored)


def outcome(number: int, likes: int = 10, *, week: int = 0, **changes: object) -> OutcomeObserved:
    """A hundred views, so that likes are the truth; the week is counted from the training."""
    given: dict[str, object] = {
        "event_id": runs.event_id("outcome", number, likes, week),
        "video_id": f"url:v{number}",
        "observed_at_s": TRAINED_S + 60 + week * WEEK_S,
        "age_h": 24 + 168 * week,
        "views": 100,
        "likes": likes,
        "comments": 0,
    }
    return OutcomeObserved(**given | changes)


def story(number: int, *, week: int = 0) -> list[Event]:
    """What two releases say of a video, and what became of it."""
    return [prediction(number, 9.0 + number), shadow(number), outcome(number, 10 + number * 2, week=week)]
