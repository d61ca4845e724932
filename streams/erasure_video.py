"""What belongs to a video: on which topics, in which files, and which stages have still to read of it."""

from collections.abc import Iterable, Iterator, Mapping

from processors.fetch_record import folder_of
from schemas.deadletters import EventRejected
from schemas.erased import VideoErased
from schemas.event import Event, VideoId
from schemas.faces import FaceTracked
from schemas.links import LinkSubmitted
from schemas.media import MediaDuplicated, MediaFetched
from schemas.segments import SegmentCut
from streams.kafka.bulk import Record
from streams.topology import STAGES
from streams.traces import Traces

SHORTEST_WORDS = 8
"""A title of fewer characters is found in other places than its video's."""

CONTENT = "content"
"""Where the fetch stage notes which video brought some bytes first."""

Key = tuple[str, int, bytes]
"""A topic, a partition of it, and a record key."""


def is_of_video(key: bytes, video_id: VideoId) -> bool:
    """Whether a record key is a video's own: its id, or what begins with it; not the note that it was erased."""
    name = key.decode(errors="replace")
    return name == video_id or (name.startswith(f"{video_id}/") and name != f"{video_id}/erased")


def copies_of(events: Iterable[Event], video_id: VideoId) -> tuple[VideoId, ...]:
    """Other videos with the same bytes, which point at this one."""
    fetched = (e for e in events if isinstance(e, MediaFetched))
    return tuple(sorted({e.video_id for e in fetched if e.duplicate_of == video_id}))


def keys_of_videos(events: Mapping[Key, Event], video_ids: Iterable[VideoId]) -> list[Key]:
    """Every record of videos: by its key, what points at them, and dead letters whose event was theirs."""
    ids = set(video_ids)
    return [key for key, event in events.items() if any(_is_of(key[2], event, video_id) for video_id in ids)]


def traces_of_video(events: Iterable[Event], others: Iterable[Event], *, video_ids: Iterable[VideoId]) -> Traces:
    """What must not be found of videos any more: words that only they have, places of files, faces.

    Parameters
    ----------
    others : iterable of events
        Of videos that stay: what these say as well proves nothing.
    """
    mine = list(events)
    theirs = "\n".join({words for event in others for words in _words(event)})
    words = {found for event in mine for found in _words(event) if len(found) >= SHORTEST_WORDS}
    folders = [f"{folder_of(video_id)}/" for video_id in video_ids]
    keyframes = [f"/keyframes/{video_id.replace(':', '-')}/" for video_id in video_ids]
    refs = {ref for event in mine for ref in refs_of(event) if not ref.startswith(tuple(folders))}
    vectors = tuple(event.vector for event in mine if isinstance(event, FaceTracked))
    return Traces(
        names=tuple(sorted(found for found in words if found not in theirs)),
        refs=tuple(sorted({*refs, *folders, *keyframes})),
        vectors=vectors,
    )


def refs_of(event: Event) -> Iterator[str]:
    """Every place in the media store that a video's event names."""
    match event:
        case MediaFetched():
            yield from filter(None, (event.media_ref, event.thumbnail_ref))
            yield from (track.ref for track in event.subtitles if track.ref)
        case SegmentCut():
            yield from filter(None, (event.frames_ref, event.audio_ref))
        case FaceTracked():
            yield from filter(None, (event.crop_ref,))
        case LinkSubmitted():
            yield from filter(None, (event.upload_ref, *(subtitles.ref for subtitles in event.subtitles)))


def contents_of(events: Iterable[Event]) -> dict[str, VideoId]:
    """Notes of which video brought some bytes first; left behind, later copies would point at nothing."""
    fetched = (e for e in events if isinstance(e, MediaFetched) and not e.duplicate_of)
    return {f"{CONTENT}/{e.sha256}": e.video_id for e in fetched}


def still_to_read(records: Iterable[Record], answered: Mapping[str, Mapping[tuple[str, int], int]]) -> list[str]:
    """Name the stages that have not answered all of some records yet.

    Parameters
    ----------
    answered : mapping
        By stage and place: the first offset that is not answered.
    """
    wanted = list(records)
    return [
        stage.name
        for stage in STAGES
        if stage.name in answered
        and any(
            r.topic in stage.reads and r.offset >= answered[stage.name].get((r.topic, r.partition), 0) for r in wanted
        )
    ]


def _is_of(key: bytes, event: Event, video_id: VideoId) -> bool:
    match event:
        case EventRejected():
            return event.key is not None and is_of_video(event.key, video_id)
        case MediaDuplicated() if event.duplicate_id == video_id:
            return True
        case VideoErased():
            return False
    return is_of_video(key, video_id)


def _words(event: Event) -> Iterator[str]:
    match event:
        case MediaFetched():
            yield from filter(None, (event.metadata.title, event.metadata.description, event.url))
        case LinkSubmitted():
            yield from filter(None, (event.title, event.description, event.url, event.upload_name))
