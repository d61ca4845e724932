"""Records of a made-up library: what the stages write of a video, many times over."""

import struct
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from schemas.codec import encode
from schemas.event import Event
from schemas.features import FeatureExtracted, Label, Vector
from schemas.identities import IdentityRecorded
from schemas.links import LinkSubmitted
from schemas.media import MediaFetched, Metadata
from schemas.outcomes import OutcomeObserved
from schemas.predictions import Interval, Reason, VideoScored
from schemas.progress import StageProgressed, State
from schemas.segments import SegmentCut
from schemas.summaries import PersonSeen, PooledVector, Summarised
from streams.kafka.bulk import Record
from streams.topology import topic_of, writers

BEGAN_MS = 1_763_812_800_000
PEOPLE = 2000
PARTITIONS = 8

_WORDS = ("tea", "boat", "kettle", "slow", "harbour", "winter", "ninety", "paper", "signal", "garden", "quiet", "lamp")
_VECTOR = Vector(dim=384, dtype="float32", data=struct.pack("<384f", *(i / 384 for i in range(384))))
_POOLED = PooledVector(dim=384, count=2, sums=struct.pack("<384q", *range(384)))
_AT_WORK = writers("progress")
_REVISION = "0" * 16
_TOGETHER = 400
"""So many videos are in the pipeline at a time; their records come mixed."""


def batches_of(videos: int, size: int, *, segments: int = 2) -> Iterator[list[Record]]:
    """Records of all topics in batches; a topic's come in runs, as a reader of Kafka gets them."""
    ends: dict[tuple[str, int], int] = defaultdict(int)
    batch: list[Record] = []
    for begin in range(0, videos, _TOGETHER):
        numbers = range(begin, min(begin + _TOGETHER, videos))
        events = [(event, number) for number in numbers for event in _events(number, videos, segments)]
        for event, number in sorted(events, key=lambda one: topic_of(one[0]).name):
            batch.append(_record(event, number, ends))
            if len(batch) == size:
                yield batch
                batch = []
    if batch:
        yield batch


def _record(event: Event, number: int, ends: dict[tuple[str, int], int]) -> Record:
    place = (topic_of(event).name, number % PARTITIONS)
    ends[place] += 1
    return Record(
        topic=place[0],
        partition=place[1],
        offset=ends[place] - 1,
        key=event.record_key.encode(),
        value=encode(event),
        headers=(),
        timestamp_ms=BEGAN_MS + number * 2000,
    )


def _events(number: int, videos: int, segments: int) -> Iterator[Event]:
    video_id = f"url:v{number:07d}"
    metadata = _metadata(number)
    yield LinkSubmitted(event_id="l", video_id=video_id, submission_id="s", submitted_at_s=0.0, url="https://e.org/v")
    yield MediaFetched(
        event_id="m", video_id=video_id, submission_id="s", revision=_REVISION, sha256="0" * 64,
        media_ref="videos/m.mp4", duration_s=number % 977 / 10, metadata=metadata,
    )  # fmt: skip
    for index in range(segments):
        yield SegmentCut(
            event_id="c", video_id=video_id, revision=_REVISION, index=index, count=segments, start_s=index * 5.0,
            end_s=index * 5.0 + 5.0, text=metadata.title,
        )  # fmt: skip
        yield from (_feature(video_id, str(index), modality) for modality in ("text", "visual", "audio"))
    if number < PEOPLE:
        yield IdentityRecorded(
            event_id="i", identity_id=_person(number), name=f"Name {number}", tracks=9, screen_s=number
        )
    is_failed, is_done = number % 50 == 7, number % 2 == 0
    for stage in _AT_WORK:
        state: State = "failed" if is_failed and stage == "fetch" else "done"
        yield StageProgressed(event_id="p", video_id=video_id, stage=stage, state=state, done=1.0, total=1.0)
        if stage == "fetch" and (is_failed or not is_done):
            return
    yield _summary(number, videos, metadata)
    yield _feature(video_id, "video", "identity", _person(number % PEOPLE))
    yield OutcomeObserved(event_id="o", video_id=video_id, age_h=24, views=number, likes=1)
    for target in ("virality", "engagement"):
        yield from (_scored(number, target, stage) for stage in ("partial", "final"))


def _metadata(number: int) -> Metadata:
    words = [_WORDS[(number * 7 + place * place) % len(_WORDS)] for place in range(5)]
    return Metadata(
        title=f"{' '.join(words).capitalize()}, serial{number}",
        description="Made up. " * 20,
        channel=f"Channel {number % 997}",
        uploaded_at_s=float(BEGAN_MS // 1000 - number * 37 % 10**7),
    )


def _person(number: int) -> str:
    return f"person:{number:016x}"


def _feature(video_id: str, scope: str, modality: str, label: str = "a boat") -> FeatureExtracted:
    return FeatureExtracted(
        event_id="f", video_id=video_id, revision=_REVISION, scope=scope, modality=modality, model="m",
        model_version="1", vector=_VECTOR, labels=(Label(name=label, score=0.5, tracks=(0,)),), numbers={"words": 9.0},
    )  # fmt: skip


def _summary(number: int, videos: int, metadata: Metadata) -> Summarised:
    names = [f"label {number // 2 % 5}", f"rare {number % 1000}", *(["only old ones"] if number < videos // 2 else [])]
    return Summarised(
        event_id="u", video_id=f"url:v{number:07d}", revision=_REVISION, scope="video", complete=True, final=True,
        pooled={"segments/text": _POOLED, "segments/visual": _POOLED, "segments/audio": _POOLED},
        labels=tuple(Label(name=name, score=0.9) for name in names), words=metadata.title, metadata=metadata,
        people=(PersonSeen(identity_id=_person(number % PEOPLE), share=0.5),),
    )  # fmt: skip


def _scored(number: int, target: str, stage: str) -> VideoScored:
    value = number * 7919 % 10_007 / 100
    made = VideoScored(
        event_id="v", video_id=f"url:v{number:07d}", revision=_REVISION, summary_id="u", target=target,
        release_id="starter-1", stage="final", value=value, unit="log10 views",
        interval=Interval(low=value - 1, high=value + 1, level=0.9), constant=3.6, beats_constant=True,
        reasons=tuple(Reason(feature=f"f{n}", words="a reason in some words", contribution=0.1) for n in range(6)),
    )  # fmt: skip
    return made if stage == "final" else msgspec.structs.replace(made, stage="partial", value=value / 2)
