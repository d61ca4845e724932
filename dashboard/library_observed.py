"""How videos did, in short: what lists of people need of them, kept by video, so that no list reads whole events."""

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from dashboard.library_store import Thing, View, Writes
from schemas.erased import VideoErased
from schemas.event import Event, VideoId
from schemas.outcomes import OutcomeObserved

KIND = "observed"


class _Counted(msgspec.Struct, frozen=True, array_like=True):
    """An outcome without what no list needs; `at_ms` is when it was written."""

    at_ms: int
    observed_at_s: float | None
    age_h: int | None
    views: int | None
    likes: int | None
    comments: int | None
    shares: int | None


_FIELDS = attrgetter(*_Counted.__struct_fields__[1:])
_NAMES = _Counted.__struct_fields__[1:]
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(dict[str, _Counted])


def may_change(event: Event | None, name: str) -> bool:
    """Whether an event under this name may change a video's outcomes; None is a tombstone."""
    return name.startswith("outcomes/") or isinstance(event, VideoErased)


class Shorts:
    """The outcomes of the videos of a batch, as they become while the batch is taken in.

    Parameters
    ----------
    view : View
        Where those lie that are known.
    video_ids : iterable of str
        Of all videos whose outcomes may change.
    """

    def __init__(self, view: View, video_ids: Iterable[VideoId], writes: Writes) -> None:
        self._things = writes.things
        found = view.things(KIND, sorted(set(video_ids)))
        self._known = {video_id: _DECODER.decode(thing.value) for video_id, thing in found.items()}

    def put(self, event: OutcomeObserved, name: str, *, at_ms: int) -> None:
        """One more, or another one under the same name."""
        self._write(event.video_id, self._of(event.video_id) | {name: _Counted(at_ms, *_FIELDS(event))})

    def take_back(self, video_id: VideoId, name: str) -> None:
        """One less, if it is there."""
        self._write(video_id, {known: one for known, one in self._of(video_id).items() if known != name})

    def erase(self, video_id: VideoId, *, erased_ms: int) -> None:
        """Keep only what was written after the video was erased."""
        self._write(video_id, {name: one for name, one in self._of(video_id).items() if one.at_ms > erased_ms})

    def _of(self, video_id: VideoId) -> dict[str, _Counted]:
        return self._known.get(video_id, {})

    def _write(self, video_id: VideoId, counted: dict[str, _Counted]) -> None:
        if counted == self._of(video_id):
            return
        self._known[video_id] = counted
        self._things[KIND, video_id] = Thing("", 0.0, _ENCODER.encode(counted)) if counted else None


def outcomes_in(video_id: VideoId, thing: Thing) -> list[OutcomeObserved]:
    """The outcomes of a video, without ids and scores."""
    return [
        OutcomeObserved(event_id="", video_id=video_id, **dict(zip(_NAMES, _FIELDS(one), strict=True)))
        for one in _DECODER.decode(thing.value).values()
    ]
