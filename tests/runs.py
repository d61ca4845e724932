"""What the stages before `assemble` say about made-up videos."""

import hashlib

import numpy as np

from models.vectors import to_vector
from schemas.event import Event, derive_id
from schemas.features import FeatureExtracted, Label
from schemas.media import MediaFetched, Metadata
from schemas.segments import SegmentCut, VideoSegmented

DIM = 384


def event_id(*parts: object) -> str:
    return derive_id("tests", "1", "/".join(map(str, parts)))


def revision(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def vector(*seed: object, dim: int = DIM):
    digest = hashlib.sha256("/".join(map(str, seed)).encode()).digest()
    numbers = np.random.default_rng(int.from_bytes(digest[:8], "little")).normal(size=dim)
    return to_vector(numbers / np.linalg.norm(numbers))


def fetched(video_id: str, content: str = "one", **changes) -> MediaFetched:
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    metadata = Metadata(title=f"How to film {video_id}!", description="A test.", channel="tests", hashtags=("film",))
    given = {"duration_s": 12.0, "metadata": metadata, "submission_id": "s"} | changes
    return MediaFetched(
        event_id=event_id("media", video_id, content), video_id=video_id, sha256=sha256, revision=sha256[:16], **given
    )


def cut(video_id: str, index: int, *, count: int, content: str = "one", text: str | None = None) -> SegmentCut:
    words = f"words of segment {index}" if text is None else text
    return SegmentCut(
        event_id=event_id("cut", video_id, content, index),
        video_id=video_id,
        revision=revision(content),
        index=index,
        count=count,
        start_s=4.0 * index,
        end_s=4.0 * index + 4,
        text=words,
    )


def counted(video_id: str, count: int, content: str = "one") -> VideoSegmented:
    return VideoSegmented(
        event_id=event_id("count", video_id, content),
        video_id=video_id,
        revision=revision(content),
        count=count,
        duration_s=4.0 * count,
    )


def feature(
    video_id: str, scope: int | str, *, content: str = "one", absent: str | None = None, modality: str = "text"
) -> FeatureExtracted:
    seed = (video_id, content, scope, modality)
    return FeatureExtracted(
        event_id=event_id("feature", *seed, absent),
        video_id=video_id,
        revision=revision(content),
        scope=str(scope),
        modality=modality,
        model="test",
        model_version="1",
        vector=None if absent else vector(*seed),
        labels=() if absent else (Label(name=f"label {scope}", score=0.5),),
        numbers={} if absent else {"tokens": 7.25 + len(str(scope))},
        absent_reason=absent,
    )


def run_of(video_id: str, segments: int, *, content: str = "one", absent: dict[int, str] | None = None) -> list[Event]:
    """Every event about one video that `assemble` reads, in the order they are made."""
    silent = absent or {}
    events: list[Event] = [fetched(video_id, content), feature(video_id, "video", content=content)]
    for index in range(segments):
        events.append(cut(video_id, index, count=segments, content=content))
        events.append(feature(video_id, index, content=content, absent=silent.get(index)))
    return [*events, counted(video_id, segments, content)]
