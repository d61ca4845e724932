"""Short films as the segment stage leaves them: pieces with pictures and sound in the media store, and words."""

from collections.abc import Callable, Iterator

import msgspec
import runs
import sounds
from frame_zips import zip_of
from portraits import NOBODY, head, on_wall

from schemas.event import Event
from schemas.media import Metadata
from schemas.segments import SegmentCut

PIECE_S = 4.0
TITLE = Metadata(title="Two people and nobody", description="A test.", channel="tests")


PEOPLE_IN = (2, 0, 1)
"""So many people are in the first piece, the second and the third, and so on in turns."""


class ShortFilm:
    """A film that several videos show: the same pieces under other names.

    Parameters
    ----------
    put : callable
        Writes bytes under a reference.
    """

    def __init__(self, put: Callable[[str, bytes], None], pieces: int) -> None:
        self._put, self.pieces = put, pieces
        pictures = on_wall(head("astronaut"), head("pioneer")), NOBODY, on_wall(head("pioneer"))
        for number, picture in enumerate(pictures):
            put(f"films/{number}.zip", zip_of({0: picture, 2000: picture}))
        for number, make in enumerate((sounds.chord, sounds.sine)):
            put(f"films/{number}.wav", sounds.wav(make(PIECE_S)))

    def events(self, video_id: str, *, damaged: int | None = None) -> Iterator[Event]:
        """All that fetch and segment say of a video; the pictures and the sound of one piece may be damaged."""
        yield runs.fetched(video_id, metadata=TITLE)
        for index in range(self.pieces):
            yield self._damaged(self._piece(video_id, index)) if index == damaged else self._piece(video_id, index)
        yield runs.counted(video_id, self.pieces)

    def _piece(self, video_id: str, index: int) -> SegmentCut:
        refs = {"frames_ref": f"films/{index % 3}.zip", "audio_ref": f"films/{index % 2}.wav"}
        return msgspec.structs.replace(runs.cut(video_id, index, count=self.pieces), text_source="manual", **refs)

    def _damaged(self, piece: SegmentCut) -> SegmentCut:
        """Its files as a disk that lost half of each would give them."""
        refs = {"frames_ref": "films/half.zip", "audio_ref": "films/half.wav"}
        self._put("films/half.zip", zip_of({0: NOBODY})[:200])
        self._put("films/half.wav", sounds.wav(sounds.chord(PIECE_S))[:30])
        return msgspec.structs.replace(piece, **refs)
