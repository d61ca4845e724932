"""Who is to be seen in each segment: faces followed through each shot, their vectors, and how much they fill."""

from collections.abc import Iterator, Sequence
from typing import Self

import msgspec

from models.faces.choices import networks
from models.faces.detect import Face
from models.faces.moments import choose_moments
from models.faces.presence import measure
from models.faces.sighting import FaceSight, jpeg_of
from models.faces.track import Look, Track, follow, mean_vector, seen_together
from models.frame_files import list_frames
from models.vectors import to_vector
from processors.fetch_record import folder_of
from processors.ports import MediaStore, World
from schemas.errors import Unreadable
from schemas.event import Event, Ref, derive_id
from schemas.faces import Box, FacesCounted, FaceTracked, track_key
from schemas.features import FAILED, FeatureExtracted
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut, VideoSegmented

STAGE = "faces"
MODALITY = "faces"
DETECTOR_WEIGHTS = "centerface"
ENCODER_WEIGHTS = "dlib-face"

NO_PICTURE = "no picture"
NO_FACES = "no faces"
NOT_GOOD_ENOUGH = "no face that is seen well enough"

_DIGITS = 4


class FacesProcessor:
    """Finds and follows the faces of each segment."""

    def __init__(self, sight: FaceSight, media: MediaStore) -> None:
        self._sight = sight
        self._media = media
        self._model_version = sight.version
        self.version = f"1/{self._model_version}-{sight.least_px:g}px-{sight.least_quality:g}"

    @classmethod
    def build(cls, world: World) -> Self:
        """Load both networks that the settings choose.

        Raises
        ------
        WeightsMissing
            One of them was not fetched.
        """
        options = world.options
        detector, encoder = options.chosen(DETECTOR_WEIGHTS), options.chosen(ENCODER_WEIGHTS)
        sight = FaceSight.load(
            world.weights(detector),
            world.weights(encoder),
            networks=networks(detector, encoder),
            inference=options.inference,
            size_px=options.face_size_px,
            least_px=options.face_min_px,
            least_quality=options.face_min_quality,
        )
        return cls(sight, world.media)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each segment with its tracks, their count, one feature, and progress.

        Raises
        ------
        MediaUnreadable
            A segment's pictures are not what the segment stage writes.
        StorageUnavailable
            The media store cannot be read or written now.
        Unreadable
            An event this stage does not read.
        """
        return [self._answer(event) for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say that there will be neither tracks nor a vector, so that the video can be completed without them."""
        if not isinstance(event, SegmentCut):
            return []
        return self._absent(event, f"{FAILED}: {reason}", ordinal=FAILED)

    def _answer(self, event: Event) -> list[Event]:
        match event:
            case SegmentCut():
                return [*self._watch(event), self._progress(event, event.index + 1, event.count)]
            case VideoSegmented():
                return [] if event.count else [self._progress(event, 0, 0)]
        raise Unreadable(f"the faces stage reads segments, but {type(event).__name__} came")

    def _watch(self, event: SegmentCut) -> list[Event]:
        looks = self._look(event)
        if not looks:
            return self._absent(event, NO_PICTURE)
        tracks = follow(looks, self._sight.likeness)
        numbers = self._numbers(looks, tracks)
        if not tracks:
            return self._absent(event, NOT_GOOD_ENOUGH if numbers["faces_max"] else NO_FACES, numbers=numbers)
        vector = to_vector(mean_vector([sighting for track in tracks for sighting in track.sightings]))
        feature = msgspec.structs.replace(self._feature(event), vector=vector, numbers=numbers)
        return [*self._tracked(event, looks, tracks), self._counted(event, len(tracks)), feature]

    def _look(self, event: SegmentCut) -> list[Look]:
        """Look at the pictures that matter, one in memory at a time."""
        if event.frames_ref is None:
            return []
        frames = list_frames(self._media.get(event.frames_ref))
        looks, doubtful_score = [], self._sight.detector.doubtful_score
        for moment in choose_moments([frame.time_s for frame in frames], event.shot_starts_s, event.end_s):
            picture = frames[moment.place].decode().pixels
            height_px, width_px = picture.shape[:2]
            looks.append(Look(moment, width_px, height_px, tuple(self._sight.see(picture, doubtful_score))))
        return looks

    def _numbers(self, looks: Sequence[Look], tracks: Sequence[Track]) -> dict[str, float]:
        measured = measure(looks, least_px=self._sight.least_px, least_score=self._sight.detector.least_score) | {
            "face_tracks": float(len(tracks))
        }
        return {name: round(value, _DIGITS) for name, value in measured.items()}

    def _tracked(self, event: SegmentCut, looks: Sequence[Look], tracks: Sequence[Track]) -> Iterator[FaceTracked]:
        others = seen_together(tracks)
        for number, track in enumerate(tracks):
            place, best = track.known[0]
            yield FaceTracked(
                event_id=self._id(event, f"track/{number}"),
                video_id=event.video_id,
                revision=event.revision,
                segment=event.index,
                track=number,
                start_s=looks[track.looks[0]].moment.start_s,
                end_s=looks[track.looks[-1]].moment.end_s,
                at_s=looks[place].moment.start_s,
                box=_box(looks[place], best.face),
                quality=round(best.quality.value, _DIGITS),
                seen=len(track.looks),
                crop_ref=self._keep_crop(event, number, track),
                model=self._sight.model,
                model_version=self._model_version,
                vector=to_vector(track.vector),
                cannot_link=tuple(track_key(event.video_id, event.index, other) for other in others[number]),
            )

    def _keep_crop(self, event: SegmentCut, number: int, track: Track) -> Ref | None:
        crop = track.known[0][1].crop
        if crop is None:
            return None
        ref = f"{folder_of(event.video_id)}/{event.revision}/faces/{event.index}-{number}.jpg"
        self._media.put(ref, jpeg_of(crop))
        return ref

    def _absent(
        self, event: SegmentCut, reason: str, *, numbers: dict[str, float] | None = None, ordinal: int | str = 0
    ) -> list[Event]:
        feature = msgspec.structs.replace(self._feature(event, ordinal), absent_reason=reason, numbers=numbers or {})
        return [self._counted(event, 0, absent_reason=reason, ordinal=ordinal), feature]

    def _counted(
        self, event: SegmentCut, count: int, *, absent_reason: str | None = None, ordinal: int | str = 0
    ) -> FacesCounted:
        return FacesCounted(
            event_id=self._id(event, f"count/{ordinal}"),
            video_id=event.video_id,
            revision=event.revision,
            segment=event.index,
            segments=event.count,
            count=count,
            start_s=event.start_s,
            end_s=event.end_s,
            absent_reason=absent_reason,
        )

    def _feature(self, event: SegmentCut, ordinal: int | str = 0) -> FeatureExtracted:
        return FeatureExtracted(
            event_id=self._id(event, ordinal),
            video_id=event.video_id,
            revision=event.revision,
            scope=str(event.index),
            modality=MODALITY,
            model=self._sight.model,
            model_version=self._model_version,
        )

    def _progress(self, event: SegmentCut | VideoSegmented, done: int, total: int) -> StageProgressed:
        return StageProgressed(
            event_id=self._id(event, "progress"),
            video_id=event.video_id,
            stage=STAGE,
            state="done" if done >= total else "running",
            done=float(done),
            total=float(total),
        )

    def _id(self, event: Event, ordinal: int | str) -> str:
        return derive_id(STAGE, self.version, event.event_id, ordinal)


def _box(look: Look, face: Face) -> Box:
    width_px, height_px = look.width_px, look.height_px
    return Box(
        left=round(face.left_px / width_px, _DIGITS),
        top=round(face.top_px / height_px, _DIGITS),
        width=round(face.width_px / width_px, _DIGITS),
        height=round(face.height_px / height_px, _DIGITS),
    )
