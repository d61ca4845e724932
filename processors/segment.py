"""Segment: a fetched video becomes pieces of 2-10 s with pictures, sound and words, once."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

import msgspec

from models.media.subtitles import rank
from processors.fetch_record import folder_of
from processors.ports import MediaStore, World
from processors.scratch import work_folder
from processors.transcript import pieces
from schemas.errors import Unreadable
from schemas.event import Event, Ref, derive_id
from schemas.media import MediaDuplicated, MediaFetched, SubtitleTrack
from schemas.progress import StageProgressed, State
from schemas.segments import SegmentCut, VideoSegmented

if TYPE_CHECKING:
    from models.media.cut import Cut, CutOptions

STAGE = "segment"
VERSION = "2"

Output = SegmentCut | VideoSegmented | StageProgressed


class SegmentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was emitted for one content of one video; `recipe` says by which rules and from which subtitles."""

    recipe: str
    outputs: tuple[Output, ...]


class SegmentProcessor:
    """Cuts each fetched video in the sandbox and puts the pieces into the media store.

    A record beside the pieces says what was emitted. A redelivery, or a fetch of the same bytes with
    newer metadata, repeats the same events without decoding anything.
    """

    version = VERSION

    def __init__(self, world: World) -> None:
        self._world = world
        self._media = world.media

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; decoding libraries are loaded with the first video."""
        return cls(world)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each fetched video with its segments, then how many there are, then progress.

        Duplicates have no answer: the first video with the same bytes is cut.

        Raises
        ------
        MediaUnreadable
            Nothing in the file can be decoded, or decoding it broke its limits.
        StorageUnavailable
            The media store cannot be read or written now.
        Unreadable
            An event this stage does not read.
        """
        return [self._answer(event) for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Tell people that their video could not be cut."""
        if not isinstance(event, MediaFetched) or event.duplicate_of:
            return []
        return [_progress(event, "failed", _id(event, STAGE, f"failed/{event.event_id}"), message=reason)]

    def _answer(self, event: Event) -> list[Event]:
        match event:
            case MediaDuplicated() | MediaFetched(duplicate_of=str()):
                return []
            case MediaFetched(media_ref=None):
                return without_media(event)
            case MediaFetched():
                return list(self._segments(event).outputs)
        raise Unreadable(f"segment expects MediaFetched or MediaDuplicated, got {type(event).__name__}")

    def _segments(self, event: MediaFetched) -> SegmentRecord:
        tracks = rank(event.subtitles, self._world.options.subtitle_languages)
        recipe = self._recipe(tracks)
        known = _read(self._media, event)
        if known is not None and known.recipe == recipe:
            return known
        record = SegmentRecord(recipe=recipe, outputs=self._cut(event, tracks, recipe))
        self._media.put(_record_ref(event), msgspec.json.encode(record))
        return record

    def _recipe(self, tracks: Sequence[SubtitleTrack]) -> str:
        """Digest of all that the pieces follow from, other than the bytes of the video."""
        parts = msgspec.json.encode([VERSION, self._world.options.frame_rate_hz, list(tracks)])
        return hashlib.sha256(parts).hexdigest()[:16]

    def _cut(self, event: MediaFetched, tracks: Sequence[SubtitleTrack], recipe: str) -> tuple[Output, ...]:
        # Decoding libraries take 0.3 s to import; a worker is ready without them.
        from models.media.cut import cut

        path = self._media.local(event.media_ref or "")
        with work_folder(self._world.scratch, STAGE) as folder:
            done = self._world.sandbox.run(cut, path, folder, self._options(tracks), report=self._live(event, recipe))
            used = None if done.subtitles_used is None else tracks[done.subtitles_used]
            cuts = [
                self._put(_segment(event, done, place, used=used, recipe=recipe), folder)
                for place in range(len(done.segments))
            ]
        return *cuts, *_ending(event, done, recipe=recipe, warnings=_warnings(done, tracks))

    def _options(self, tracks: Sequence[SubtitleTrack]) -> "CutOptions":
        from models.media.cut import CutOptions
        from models.media.words import SubtitleSource

        sources = tuple(
            SubtitleSource(path=self._media.local(track.ref))
            if track.ref
            else SubtitleSource(stream_index=track.stream_index)
            for track in tracks
        )
        return CutOptions(frame_rate_hz=self._world.options.frame_rate_hz, subtitles=sources)

    def _put(self, piece: SegmentCut, folder: Path) -> SegmentCut:
        """Store a segment's files, which lie in `folder` under the last part of their references."""
        for ref in filter(None, (piece.frames_ref, piece.audio_ref)):
            self._media.put_file(ref, folder / PurePosixPath(ref).name)
        return piece

    def _live(self, event: MediaFetched, recipe: str) -> Callable[[float, float | None], None]:
        def report(done_s: float, total_s: float | None) -> None:
            event_id = _id(event, recipe, f"running/{done_s:.1f}")
            self._world.report(_progress(event, "running", event_id, done_s=done_s, total_s=total_s))

        return report


def _segment(event: MediaFetched, done: "Cut", place: int, *, used: SubtitleTrack | None, recipe: str) -> SegmentCut:
    piece = done.segments[place]
    return SegmentCut(
        event_id=_id(event, recipe, str(place)),
        video_id=event.video_id,
        revision=event.revision,
        index=place,
        count=len(done.segments),
        start_s=piece.start_s,
        end_s=piece.end_s,
        frames_ref=_ref(event, piece.frames),
        audio_ref=_ref(event, piece.audio),
        text=piece.text,
        text_source=used.kind if used else "",
        text_language=used.language if used else "",
        shot_starts_s=piece.shot_starts_s,
    )


def _ending(
    event: MediaFetched, done: "Cut", *, recipe: str, warnings: tuple[str, ...]
) -> tuple[VideoSegmented, StageProgressed]:
    counted = VideoSegmented(
        event_id=_id(event, recipe, "count"),
        video_id=event.video_id,
        revision=event.revision,
        count=len(done.segments),
        duration_s=done.duration_s,
        sampling=done.sampling,
        shot_count=done.shot_count,
        warnings=warnings,
    )
    progress = _progress(event, "done", _id(event, recipe, "done"), done_s=done.duration_s, total_s=done.duration_s)
    return counted, msgspec.structs.replace(progress, warnings=warnings)


def without_media(event: MediaFetched) -> list[Event]:
    """Answer a video that is known by its words only: nothing to decode, and everybody hears so."""
    cuts = _spoken(event)
    counted = VideoSegmented(
        event_id=_id(event, "no media", "count"),
        video_id=event.video_id,
        revision=event.revision,
        count=len(cuts),
        sampling="none",
    )
    return [*cuts, counted, _progress(event, "done", _id(event, "no media", "done"))]


def _spoken(event: MediaFetched) -> list[SegmentCut]:
    said = pieces(event.transcript, event.duration_s)
    return [
        SegmentCut(
            event_id=_id(event, "no media", str(index)),
            video_id=event.video_id,
            revision=event.revision,
            index=index,
            count=len(said),
            start_s=piece.start_s,
            end_s=piece.end_s,
            text=piece.text,
            text_source="uploaded",
        )
        for index, piece in enumerate(said)
    ]


def _warnings(done: "Cut", tracks: Sequence[SubtitleTrack]) -> tuple[str, ...]:
    if not tracks or done.subtitles_used is not None:
        return done.warnings
    languages = ", ".join(sorted({track.language for track in tracks}))
    return (*done.warnings, f"the subtitles ({languages}) hold no words that can be read")


def _progress(
    event: MediaFetched,
    state: State,
    event_id: str,
    *,
    done_s: float = 0.0,
    total_s: float | None = None,
    message: str = "",
) -> StageProgressed:
    return StageProgressed(
        event_id=event_id,
        video_id=event.video_id,
        stage=STAGE,
        state=state,
        done=done_s,
        total=total_s,
        message=message,
    )


def _id(event: MediaFetched, recipe: str, ordinal: str) -> str:
    """Name an output by the content it was cut from: newer metadata of the same bytes changes nothing."""
    return derive_id(STAGE, VERSION, f"{event.video_id}/{event.revision}/{recipe}", ordinal)


def _ref(event: MediaFetched, name: str | None) -> Ref | None:
    return f"{_folder(event)}/segments/{name}" if name else None


def _record_ref(event: MediaFetched) -> Ref:
    return f"{_folder(event)}/segmented.json"


def _folder(event: MediaFetched) -> Ref:
    return f"{folder_of(event.video_id)}/{event.revision}"


def _read(media: MediaStore, event: MediaFetched) -> SegmentRecord | None:
    """Look up what was emitted for this content; a record that cannot be read is made anew."""
    if not media.exists(_record_ref(event)):
        return None
    try:
        return msgspec.json.decode(media.get(_record_ref(event)), type=SegmentRecord)
    except msgspec.DecodeError:
        return None
