"""Everything about one video or person, put together from what the library keeps: pure functions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from dashboard.rows import FaceSeen, Moment, PersonBrief, PersonRow, VideoDetail, VideoRow
from models.influence import Appearance, influence
from schemas.codec import decode
from schemas.event import WHOLE_VIDEO, Event
from schemas.faces import FaceTracked
from schemas.features import FeatureExtracted
from schemas.identities import IdentityRecorded
from schemas.labels import LabelGiven
from schemas.media import MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.predictions import SegmentScored, VideoScored
from schemas.segments import SegmentCut
from schemas.summaries import Summarised
from streams.topology import topic

AnEvent = TypeVar("AnEvent", bound=Event)

Parts = Iterable[tuple[str, bytes]]
"""Names and bytes, as a store keeps them."""


def detail_of(row: VideoRow, parts: Parts, people: Sequence[PersonBrief]) -> VideoDetail:
    """Put a video together; what was said of other content than was fetched last is left out."""
    moments, events = _told_apart(parts)
    found = events["media"]
    media = MediaFetched.that_counts(_of(MediaFetched, found))
    revision = media.revision if media else None
    answers = [a for a in _of(FeatureExtracted, events["features"]) if revision in (None, a.revision)]
    faces = [f for f in _of(FaceTracked, events["faces"]) if revision in (None, f.revision)]
    segments = [s for s in _of(SegmentCut, events["segments"]) if revision in (None, s.revision)]
    return VideoDetail(
        row=row,
        media=media,
        segments=tuple(sorted(segments, key=lambda segment: segment.index)),
        answers=tuple(sorted(answers, key=lambda a: (_scope_order(a.scope), a.modality))),
        faces=tuple(_seen(faces, answers)),
        people=tuple(people),
        summary=next(_of(Summarised, events["summaries"]), None),
        predictions=tuple(_of(VideoScored, events["predictions"])),
        segment_predictions=tuple(
            sorted(_of(SegmentScored, events["predictions"]), key=lambda s: (s.target, _scope_order(s.scope)))
        ),
        history=tuple(sorted(moments, key=lambda moment: (moment.at_s, moment.target))),
        outcomes=tuple(sorted(_of(OutcomeObserved, events["outcomes"]), key=lambda outcome: outcome.moment)),
        labels=tuple(_of(LabelGiven, events["labels"])),
    )


def faces_of(parts: Parts) -> list[FaceSeen]:
    """The face tracks among some parts of a video, and who they are."""
    _, events = _told_apart(parts)
    answers = list(_of(FeatureExtracted, events["features"]))
    return list(_seen(list(_of(FaceTracked, events["faces"])), answers))


def row_of_person(
    person: IdentityRecorded, videos: Iterable[str], outcomes: Mapping[str, Sequence[OutcomeObserved]]
) -> PersonRow:
    """Make somebody's row; of how long they are seen in each of their videos it says nothing."""
    known = influence([Appearance(video_id, 0.0) for video_id in videos], outcomes)
    return PersonRow(
        identity_id=person.identity_id,
        name=person.name,
        cover_ref=person.cover_ref,
        tracks=person.tracks,
        photos=person.photos,
        videos=person.videos,
        screen_s=person.screen_s,
        cannot_link=person.cannot_link,
        observed=known.observed,
        views=known.views,
        engagement=known.engagement,
    )


def _told_apart(parts: Parts) -> tuple[list[Moment], dict[str, list[Event]]]:
    moments, events = list[Moment](), defaultdict[str, list[Event]](list)
    for name, value in sorted(parts):
        topic_name = name.partition("/")[0]
        if topic_name == "moments":
            moments.append(msgspec.json.decode(value, type=Moment))
        else:
            events[topic_name].append(decode(value, topic(topic_name).events))
    return moments, events


def _of(kind: type[AnEvent], events: Iterable[Event]) -> Iterator[AnEvent]:
    return (event for event in events if isinstance(event, kind))


def _scope_order(scope: str) -> tuple[bool, int]:
    """Segments by number, then the video as a whole."""
    return (scope == WHOLE_VIDEO, 0 if scope == WHOLE_VIDEO else int(scope))


def _seen(faces: Iterable[FaceTracked], answers: Iterable[FeatureExtracted]) -> Iterator[FaceSeen]:
    who = {
        (int(answer.scope), track): label.name
        for answer in answers
        if answer.modality == "identity" and answer.scope != WHOLE_VIDEO
        for label in answer.labels
        for track in label.tracks
    }
    for face in sorted(faces, key=lambda face: (face.segment, face.track)):
        yield FaceSeen(
            segment=face.segment,
            track=face.track,
            start_s=face.start_s,
            end_s=face.end_s,
            at_s=face.at_s,
            box=face.box,
            quality=face.quality,
            crop_ref=face.crop_ref,
            identity_id=who.get((face.segment, face.track)),
        )
