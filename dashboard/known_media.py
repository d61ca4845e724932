"""Which files of the media store may be shown: those that the library knows of a video, and no others."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from dashboard.reading import Library
from dashboard.rows import VideoDetail
from schemas.event import Ref, VideoId
from schemas.segments import SegmentCut

MOST_KEPT = 256
"""Videos; a strip of pictures asks for one of them sixty times."""


class Known(NamedTuple):
    """What may be shown of a video."""

    refs: frozenset[Ref]
    cuts: tuple[SegmentCut, ...]

    def cut_at(self, at_s: float) -> SegmentCut | None:
        """The segment that holds a time, or the nearest one."""
        return min(self.cuts, key=lambda cut: max(cut.start_s - at_s, at_s - cut.end_s, 0.0), default=None)


class KnownMedia:
    """Looks up what may be shown; a video is read again when its row has changed. Safe to use from several threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._kept: OrderedDict[VideoId, tuple[object, Known]] = OrderedDict()
        self._lock = Lock()

    def of(self, video_id: VideoId) -> Known | None:
        """What may be shown of a video; None when it is not known, or not any more."""
        row = next(iter(self._library.rows([video_id])), None)
        with self._lock:
            kept = self._kept.get(video_id)
            if row is None:
                self._kept.pop(video_id, None)
                return None
        if kept is not None and kept[0] == row:
            return kept[1]
        detail = self._library.video(video_id)
        if detail is None:
            return None
        known = _known(detail)
        with self._lock:
            self._kept[video_id] = (row, known)
            self._kept.move_to_end(video_id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return known


def video_of(ref: str) -> VideoId | None:
    """Whose folder a file lies in; see `processors.fetch_record.folder_of`.

    >>> video_of("videos/youtube/dQw4w9WgXcQ/thumbnail.jpg")
    'youtube:dQw4w9WgXcQ'
    """
    parts = ref.split("/")
    return f"{parts[1]}:{parts[2]}" if len(parts) > 3 and parts[0] == "videos" else None


def _known(detail: VideoDetail) -> Known:
    refs = {detail.row.thumbnail_ref, *(face.crop_ref for face in detail.faces)}
    refs |= {person.cover_ref for person in detail.people}
    if detail.media is not None:
        refs |= {detail.media.media_ref, detail.media.thumbnail_ref}
    return Known(refs=frozenset(ref for ref in refs if ref), cuts=detail.segments)
