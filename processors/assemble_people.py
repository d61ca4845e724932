"""Who made a video and who is in it: told to the influence stage, and what that answers, as numbers."""

import hashlib
from collections.abc import Iterator

from models.influence import together
from processors.assemble_segment import STAGE, VERSION
from processors.content_id import with_content_id
from schemas.assembly import RevisionState
from schemas.event import Event, VideoId
from schemas.influence import AppearanceRecorded
from schemas.media import Metadata
from schemas.summaries import PersonSeen, Summarised

PEOPLE = "identity"
"""The modality of who is who. It answers late, and again when people are merged: nobody waits for it."""


def people_in(part: RevisionState) -> tuple[PersonSeen, ...]:
    """Give the people in a video by id, most seen first, as the gallery last said."""
    answer = part.answers.get(PEOPLE)
    return tuple(PersonSeen(identity_id=label.name, share=label.score) for label in answer.labels) if answer else ()


def channel_of(video_id: VideoId, metadata: Metadata) -> str | None:
    """Name a channel by a digest: its own id where the source gives one, and its name otherwise."""
    channel = metadata.channel_id or metadata.channel
    if not channel:
        return None
    name = f"{video_id.partition(':')[0]}/{channel}"
    return f"channel:{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def influence_numbers(part: RevisionState, video_id: VideoId) -> Iterator[tuple[str, float]]:
    """Describe a video by how earlier ones did: those of its channel, and those with the same people."""
    channel = channel_of(video_id, part.media.metadata) if part.media else None
    cast = [(part.influence[p.identity_id], p.share) for p in people_in(part) if p.identity_id in part.influence]
    for name, value in together([(part.influence.get(channel or "", {}), 1.0)]).items():
        yield f"video/influence/channel_{name}", value
    for name, value in together(cast).items():
        yield f"video/influence/people_{name}", value


def announce(told: dict[str, str], summary: Summarised) -> tuple[dict[str, str], list[Event]]:
    """Tell the influence stage what has changed about who is in a video.

    Parameters
    ----------
    told : dict
        Event id by creator, of what was last told.

    Returns
    -------
    (dict, list)
        What is told now, and the news. Nothing is told of a video before its final summary, nor of
        one without a date: it can be neither earlier nor later than another.
    """
    if not summary.final:
        return told, []
    now = {event.creator: event for event in _appearances(summary)}
    gone = sorted(told.keys() - now.keys())
    news = [event for creator, event in now.items() if told.get(creator) != event.event_id]
    taken_back = [_appearance(summary, creator, share=0.0) for creator in gone]
    return {creator: event.event_id for creator, event in now.items()}, [*news, *taken_back]


def _appearances(summary: Summarised) -> Iterator[AppearanceRecorded]:
    if summary.metadata.uploaded_at_s is None:
        return
    channel = channel_of(summary.video_id, summary.metadata)
    if channel:
        yield _appearance(summary, channel, share=1.0)
    for person in summary.people:
        if person.share > 0:
            yield _appearance(summary, person.identity_id, share=person.share)


def _appearance(summary: Summarised, creator: str, *, share: float) -> AppearanceRecorded:
    appearance = AppearanceRecorded(
        event_id="",
        video_id=summary.video_id,
        revision=summary.revision,
        creator=creator,
        share=share,
        published_at_s=summary.metadata.uploaded_at_s or 0.0,
        outcomes=summary.outcomes if share else (),
    )
    return with_content_id(appearance, STAGE, VERSION)
