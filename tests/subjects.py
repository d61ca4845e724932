"""Made-up videos whose segments are about one of a few subjects each, as summaries and segments tell them."""

import hashlib
from collections.abc import Iterator

import numpy as np
from runs import cut, event_id, fetched, revision

from models.pooling import pool_one
from schemas.event import Event
from schemas.features import Label
from schemas.media import Metadata
from schemas.summaries import Summarised

SUBJECTS = ("bread", "dishes", "football", "mountain", "guitar", "train")


def summaries_of(*, videos: int, segments: int) -> Iterator[Event]:
    """Each segment is about the subject of its place; its label says which, its vector lies near the subject's."""
    for video in range(videos):
        video_id = f"url:v{video}"
        yield fetched(video_id)
        yield _summary(video_id, "video", metadata=Metadata(title=f"A film of {SUBJECTS[video % len(SUBJECTS)]}"))
        for index in range(segments):
            subject = SUBJECTS[(video + index) % len(SUBJECTS)]
            yield cut(video_id, index, count=segments)
            yield _summary(
                video_id,
                str(index),
                start_s=4.0 * index,
                end_s=4.0 * index + 4,
                words="",
                labels=(Label(name=subject, score=0.9),),
                pooled={"segments/visual": pool_one(_near(subject, video_id, index))},
            )


def _summary(video_id: str, scope: str, **given: object) -> Summarised:
    made = {
        "event_id": event_id("summary", video_id, scope),
        "video_id": video_id,
        "revision": revision("one"),
        "scope": scope,
        "complete": True,
        "final": True,
    }
    return Summarised(**(made | given))


def _near(*what: object) -> np.ndarray:
    centre, own = _direction(what[0]), _direction(*what)
    return centre + 0.3 * own


def _direction(*seed: object) -> np.ndarray:
    digest = hashlib.sha256("/".join(map(str, seed)).encode()).digest()
    numbers = np.random.default_rng(int.from_bytes(digest[:8], "little")).normal(size=32)
    return numbers / np.linalg.norm(numbers)
