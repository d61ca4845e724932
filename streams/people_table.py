"""People and channels in one table: how much they are seen, and how their videos did."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from models.influence import Appearance, Influence, influence
from schemas.errors import UsageError
from schemas.event import VideoId
from schemas.features import FeatureExtracted
from schemas.identities import IdentityRecorded
from schemas.media import MediaFetched
from schemas.outcomes import OutcomeObserved
from streams.kafka.bulk import event_of, latest_per_key, read_to_end
from streams.people import appearances, everyone
from streams.settings import Settings
from streams.text_safety import harmless_cell


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One person or channel.

    Attributes
    ----------
    share : float
        Mean share of the time of the videos they are in; a channel has all of its own.
    observed : int
        Videos with an outcome that was known in time.
    views : float or None
        Geometric mean.
    """

    kind: Literal["person", "channel"]
    id: str
    name: str
    videos: int
    tracks: int | None
    screen_s: float | None
    share: float
    observed: int
    views: float | None
    engagement: float | None


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the table is made of."""

    people: list[IdentityRecorded]
    answers: list[FeatureExtracted]
    media: dict[VideoId, MediaFetched]
    outcomes: dict[VideoId, list[OutcomeObserved]]


def read_known(settings: Settings, bootstrap: str) -> Known:
    """Read the topics that the table is made of.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    records = latest_per_key(read_to_end(settings, bootstrap, ["media", "outcomes"])).values()
    media, outcomes = dict[VideoId, MediaFetched](), defaultdict[VideoId, list[OutcomeObserved]](list)
    for event in map(event_of, records):
        if isinstance(event, MediaFetched):
            if not (event.is_described and event.video_id in media):
                media[event.video_id] = event
        elif isinstance(event, OutcomeObserved):
            outcomes[event.video_id].append(event)
    return Known(
        people=everyone(settings, bootstrap),
        answers=appearances(settings, bootstrap),
        media=media,
        outcomes=dict(outcomes),
    )


def rows_of(known: Known, *, for_video: VideoId | None = None) -> list[Row]:
    """Make the table; for a video, as it could be known when that was published, without the video itself.

    Raises
    ------
    UsageError
        The video is not known, or nobody said when it was published.
    """
    before_s = math.inf if for_video is None else _published_s(known, for_video)
    seen = appearances_by_person(known.answers)
    by_channel: dict[str, list[Appearance]] = defaultdict(list)
    for video_id, media in known.media.items():
        if media.metadata.channel and not media.duplicate_of:
            by_channel[media.metadata.channel].append(Appearance(video_id, 1.0))

    def summed(found: Iterable[Appearance]) -> Influence:
        return influence(found, known.outcomes, before_s=before_s, except_for=for_video)

    people = [_person(person, summed(seen.get(person.identity_id, ()))) for person in known.people]
    return people + [_channel(name, summed(found)) for name, found in sorted(by_channel.items())]


def appearances_by_person(answers: Iterable[FeatureExtracted]) -> dict[str, list[Appearance]]:
    """Turn answers for videos round: from who is in a video to which videos somebody is in."""
    found: dict[str, list[Appearance]] = defaultdict(list)
    for answer in answers:
        for label in answer.labels:
            found[label.name].append(Appearance(answer.video_id, label.score))
    return found


def as_csv(rows: Sequence[Row]) -> str:
    """Write the table for spreadsheets; cells that would be taken for formulas get an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Row.__struct_fields__)
    for row in rows:
        cells = msgspec.structs.asdict(row).values()
        writer.writerow(["" if cell is None else harmless_cell(cell) for cell in cells])
    return out.getvalue()


def _person(person: IdentityRecorded, known: Influence) -> Row:
    return Row(
        kind="person",
        id=person.identity_id,
        name=person.name,
        tracks=person.tracks,
        screen_s=person.screen_s,
        **known._asdict(),
    )


def _channel(name: str, known: Influence) -> Row:
    return Row(kind="channel", id=name, name=name, tracks=None, screen_s=None, **known._asdict())


def _published_s(known: Known, video_id: VideoId) -> float:
    media = known.media.get(video_id)
    if media is None:
        raise UsageError(f"{video_id} was never fetched; `groundswell watch` shows what was")
    if media.metadata.uploaded_at_s is None:
        raise UsageError(f"nobody said when {video_id} was published, so nothing can be said to be older")
    return media.metadata.uploaded_at_s
