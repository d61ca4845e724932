"""What fetch remembers of a video, beside its media: makes redelivery and resubmission cheap."""

import msgspec

from processors.ports import MediaStore
from schemas.errors import StorageUnavailable
from schemas.event import VideoId
from schemas.media import MediaDuplicated, MediaFetched
from schemas.progress import StageProgressed

Output = MediaFetched | MediaDuplicated | StageProgressed


class FetchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The event that had a video fetched, and all that was emitted for it."""

    input_id: str
    outputs: tuple[Output, ...]

    @property
    def media(self) -> MediaFetched:
        """The one `MediaFetched` among the outputs."""
        return next(event for event in self.outputs if isinstance(event, MediaFetched))


def folder_of(video_id: VideoId) -> str:
    """Where a video's files lie in the media store.

    >>> folder_of("youtube:dQw4w9WgXcQ")
    'videos/youtube/dQw4w9WgXcQ'
    """
    return f"videos/{video_id.replace(':', '/')}"


def read_record(store: MediaStore, video_id: VideoId) -> FetchRecord | None:
    """Look up whether a video was fetched.

    Raises
    ------
    StorageUnavailable
        The store is away, or the record is damaged.
    """
    ref = _ref(video_id)
    if not store.exists(ref):
        return None
    try:
        return msgspec.json.decode(store.get(ref), type=FetchRecord)
    except msgspec.DecodeError as error:
        raise StorageUnavailable(f"{ref} is damaged ({error}); remove it to have the video fetched again") from error


def write_record(store: MediaStore, video_id: VideoId, record: FetchRecord) -> None:
    """Remember a fetch; the last thing done for a video.

    Raises
    ------
    StorageUnavailable
        The disk is full or the store is away.
    """
    store.put(_ref(video_id), msgspec.json.encode(record))


def _ref(video_id: VideoId) -> str:
    return f"{folder_of(video_id)}/fetched.json"
