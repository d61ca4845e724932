"""Made-up films whose segments show a holiday, Halloween, both or neither, and what people said of them."""

from collections.abc import Sequence

import fitted
import numpy as np
import runs

from models.pooling import add, pool_one
from schemas.event import WHOLE_VIDEO
from schemas.features import Label
from schemas.labels import LabelGiven
from schemas.media import Metadata
from schemas.summaries import PooledVector, Summarised
from streams.target_files import shipped
from streams.training_source import Change, Source

SCENES = shipped()["scenes"]
DIM = 12
SEGMENTS = 4
VIDEOS = 60
NOW_S = 1.7e9


def shows(video: int, index: int) -> dict[str, bool]:
    """What can be seen in a segment."""
    random = np.random.default_rng((video, index))
    return {"holiday": bool(random.random() < 0.4), "halloween": bool(random.random() < 0.25)}


def vector(video: int, index: int) -> np.ndarray:
    """A direction for each class, and noise."""
    seen = shows(video, index)
    noise = np.random.default_rng((video, index, 7)).normal(size=DIM) * 0.5
    noise[0] += 0.9 if seen["holiday"] else -0.3
    noise[1] += 0.9 if seen["halloween"] else -0.3
    return noise


def pooled(video: int, index: int) -> PooledVector:
    return pool_one(vector(video, index))


def segment(video: int, index: int, **changes: object) -> Summarised:
    """A segment of four seconds; half of the holidays have a tag that says so."""
    tagged = shows(video, index)["holiday"] and video % 2
    given: dict[str, object] = {
        "event_id": runs.event_id("segment", video, index),
        "video_id": f"url:v{video}",
        "revision": runs.revision(str(video)),
        "scope": str(index),
        "complete": True,
        "final": True,
        "start_s": 4.0 * index,
        "end_s": 4.0 * index + 4,
        "pooled": {"segments/visual": pooled(video, index)},
        "labels": (Label(name="holiday tree", score=0.9),) if tagged else (),
    }
    return Summarised(**given | changes)


def whole(video: int, **changes: object) -> Summarised:
    """The film itself, pooled."""
    total = pooled(video, 0)
    for index in range(1, SEGMENTS):
        total = add(total, pooled(video, index))
    given: dict[str, object] = {
        "pooled": {"segments/visual": total},
        "metadata": Metadata(title=f"Film {video}", channel=f"channel {video % 20}"),
        "numbers": {},
    }
    return fitted.summary(video, **given | changes)


def label(video: int, scope: str, name: str, *, value: bool) -> LabelGiven:
    return LabelGiven(
        event_id=f"{video}/{scope}/{name}",
        video_id=f"url:v{video}",
        target="scenes",
        scope=scope,
        label=name,
        value="yes" if value else "no",
    )


def labels(videos: Sequence[int] = range(VIDEOS)) -> tuple[LabelGiven, ...]:
    """Every segment was judged for both classes, and a few for a third that nobody has seen."""
    said = [
        label(video, str(index), name, value=there)
        for video in videos
        for index in range(SEGMENTS)
        for name, there in shows(video, index).items()
    ]
    return (*said, *(label(video, "0", "shopping", value=False) for video in videos[:10]))


def summaries(videos: Sequence[int] = range(VIDEOS)) -> list[Summarised]:
    """Segments and films."""
    found = [segment(video, index) for video in videos for index in range(SEGMENTS)]
    return [*found, *map(whole, videos)]


def source(videos: Sequence[int] = range(VIDEOS), *, said: Sequence[LabelGiven] | None = None) -> Source:
    """As if it had been read from the topics."""
    events = summaries(videos)
    wholes = [event for event in events if event.scope == WHOLE_VIDEO]
    return Source(
        words="made-up films",
        changes=lambda: (Change(one.video_id, one, NOW_S) for one in wholes),
        segments=lambda: iter(events),
        labels=labels(videos) if said is None else tuple(said),
    )
