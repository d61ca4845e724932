"""What the identity stage says after a step: who is who now, and who is in which segment and video."""

from collections.abc import Iterator

import msgspec

from models import index_set
from models.gallery import centroid
from models.vectors import to_vector
from processors.content_id import with_content_id
from processors.identity_draft import Draft
from processors.identity_people import members_of, names_of, root_of, vectors_of
from schemas.event import WHOLE_VIDEO, Event, derive_id
from schemas.features import FeatureExtracted, Label
from schemas.gallery import Placed, Segment, Video
from schemas.identities import IdentityRecorded
from schemas.progress import StageProgressed

STAGE = "identity"
VERSION = "1"
MODALITY = "identity"
MODEL = "face-gallery"

MAX_LABELS = 100
"""People a feature names, most seen first."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How long somebody is seen."""

    identity_id: str
    time_ms: int
    start_ms: int | None = None
    end_ms: int | None = None
    tracks: tuple[int, ...] = ()


def events_of(draft: Draft) -> list[Event]:
    """Say everything that this step may have changed, always in the same order."""
    segments = sorted(place for place in draft.touched if is_complete(draft, *place))
    videos = sorted({video_id for video_id, _ in segments})
    return [
        *_identities(draft),
        *(_of_segment(draft, *place) for place in segments),
        *(_of_video(draft, video_id) for video_id in videos),
    ]


def is_complete(draft: Draft, video_id: str, index: int) -> bool:
    """Whether all tracks of a segment have come."""
    video = draft.video(video_id)
    return video is not None and index_set.contains(video.complete, index)


def progress(video_id: str, video: Video, cause_id: str) -> StageProgressed:
    """Say how many segments are answered."""
    done = index_set.size(video.complete)
    return StageProgressed(
        event_id=derive_id(STAGE, VERSION, cause_id, "progress"),
        video_id=video_id,
        stage=STAGE,
        state="done" if done >= video.segments else "running",
        done=float(done),
        total=float(video.segments),
    )


def _identities(draft: Draft) -> Iterator[IdentityRecorded]:
    changed = {person.identity_id for person in draft.changed_people()}
    roots = {root_of(draft, name).identity_id for name in changed}
    for name in sorted({*changed, *roots, *draft.gone_people()}):
        yield with_content_id(_recorded(draft, name), STAGE, VERSION)


def _recorded(draft: Draft, identity_id: str) -> IdentityRecorded:
    """Write an identity down; one that is gone is written once more, as nobody."""
    person = draft.person(identity_id)
    if person is None:
        return IdentityRecorded(event_id="", identity_id=identity_id)
    if person.merged_into:
        return IdentityRecorded(event_id="", identity_id=person.identity_id, merged_into=person.merged_into)
    members, pooled = members_of(draft, person), vectors_of(person)
    best = max(members, key=lambda member: (member.cover_quality, member.identity_id))
    return IdentityRecorded(
        event_id="",
        identity_id=person.identity_id,
        name=person.name,
        centroid=to_vector(centroid(pooled)) if pooled else None,
        tracks=sum(member.tracks for member in members),
        photos=sum(len(member.photos) for member in members),
        videos=person.videos,
        screen_s=sum(member.time_ms for member in members) / 1000,
        cannot_link=tuple(sorted({name for member in members for name in member.different} - names_of(person))),
        cover_ref=best.cover_ref,
    )


def _of_segment(draft: Draft, video_id: str, index: int) -> FeatureExtracted:
    segment = draft.segment(video_id, index)
    counted = segment.counted
    duration_ms = counted.end_ms - counted.start_ms if counted else 0
    shares = _in_segment(draft, segment)
    reason = counted.absent_reason if counted else ""
    if segment.tracks and not shares:
        reason = "no face that is good enough"
    return _feature(draft, video_id, shares, scope=str(index), duration_ms=duration_ms, reason=reason or "no faces")


def _of_video(draft: Draft, video_id: str) -> FeatureExtracted:
    video = draft.video(video_id) or Video(revision="")
    times: dict[str, int] = {}
    for name, seen in video.people.items():
        root = root_of(draft, name).identity_id
        times[root] = times.get(root, 0) + seen.time_ms
    shares = [Share(identity_id=name, time_ms=time_ms) for name, time_ms in times.items()]
    return _feature(draft, video_id, shares, scope=WHOLE_VIDEO, duration_ms=video.time_ms, reason="no faces")


def _in_segment(draft: Draft, segment: Segment) -> list[Share]:
    tracks: dict[str, dict[int, Placed]] = {}
    for number, placed in segment.tracks.items():
        if placed.identity_id:
            root = root_of(draft, placed.identity_id).identity_id
            tracks.setdefault(root, {})[int(number)] = placed
    return [
        Share(
            identity_id=name,
            time_ms=sum(placed.end_ms - placed.start_ms for placed in own.values()),
            start_ms=min(placed.start_ms for placed in own.values()),
            end_ms=max(placed.end_ms for placed in own.values()),
            tracks=tuple(sorted(own)),
        )
        for name, own in tracks.items()
    ]


def _feature(
    draft: Draft, video_id: str, shares: list[Share], *, scope: str, duration_ms: int, reason: str
) -> FeatureExtracted:
    video = draft.video(video_id)
    answer = FeatureExtracted(
        event_id="",
        video_id=video_id,
        revision=video.revision if video else "",
        scope=scope,
        modality=MODALITY,
        model=MODEL,
        model_version=VERSION,
        absent_reason=None if shares else reason,
    )
    if shares:
        labels = sorted((_label(share, duration_ms) for share in shares), key=lambda label: (-label.score, label.name))
        answer = msgspec.structs.replace(answer, labels=tuple(labels[:MAX_LABELS]), **_numbers(labels))
    return with_content_id(answer, STAGE, VERSION)


def _label(share: Share, duration_ms: int) -> Label:
    """A person by id, with the share of time; names are looked up where they are shown, so that one place forgets them."""
    return Label(
        name=share.identity_id,
        score=_share(share.time_ms, duration_ms),
        start_s=None if share.start_ms is None else share.start_ms / 1000,
        end_s=None if share.end_ms is None else share.end_ms / 1000,
        tracks=share.tracks,
    )


def _numbers(labels: list[Label]) -> dict[str, object]:
    """The same three numbers by name and as a vector: people, share of the most seen, and of all together."""
    main_share, any_share = labels[0].score, min(1.0, sum(label.score for label in labels))
    numbers = {"people": float(len(labels)), "main_share": main_share, "any_share": any_share}
    crowd = len(labels) / (len(labels) + 1)
    return {"numbers": numbers, "vector": to_vector([main_share, any_share, crowd])}


def _share(time_ms: int, duration_ms: int) -> float:
    return round(min(1.0, time_ms / duration_ms), 6) if duration_ms > 0 else 0.0
