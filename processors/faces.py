"""Who is to be seen in each segment: faces followed through each shot with their vectors, and how they are shown."""

from collections.abc import Iterator, Sequence
from typing import Self

from msgspec.structs import replace

from models.faces.choices import networks
from models.faces.detect import Face
from models.faces.moments import choose_moments
from models.faces.presence import measure
from models.faces.sighting import FaceSight, jpeg_of
from models.faces.track import Look, Track, follow, seen_together
from models.frame_files import list_frames
from models.vectors import to_vector
from processors.fetch_record import folder_of
from processors.per_segment import Author, PerSegment
from processors.ports import MediaStore, World
from schemas.event import Event, Ref
from schemas.faces import PRESENCE, Box, FacesCounted, FaceTracked, track_key
from schemas.features import FeatureExtracted
from schemas.media import MediaFetched
from schemas.segments import SegmentCut

STAGE = "faces"
VERSION = "2"
DETECTOR_WEIGHTS = "centerface"
ENCODER_WEIGHTS = "dlib-face"

NO_PICTURE = "no picture"
NO_FACES = "no faces"
NOT_GOOD_ENOUGH = "no face that is seen well enough"

_DIGITS = 4


class FacesProcessor(PerSegment):
    """Finds and follows the faces of each segment."""

    def __init__(self, sight: FaceSight, media: MediaStore) -> None:
        self._sight = sight
        self._media = media
        self.version = f"{VERSION}/{sight.version}-{sight.least_px:g}px-{sight.least_quality:g}"
        self.author = Author(stage=STAGE, version=self.version, model=sight.model, model_version=sight.version)

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

    def describe(self, event: SegmentCut) -> list[Event]:
        """Say who is in a segment: tracks, their count, and the feature; raises as `PerSegment.describe`."""
        looks = self._look(event)
        if not looks:
            return self.absent(event, NO_PICTURE)
        tracks = follow(looks, self._sight.likeness)
        numbers = self._numbers(event, looks, tracks)
        nobody = None if tracks else NOT_GOOD_ENOUGH if numbers["faces_max"] else NO_FACES
        counted = replace(self._counted(event, len(tracks)), absent_reason=nobody)
        return [*self._tracked(event, looks, tracks), counted, self._shown(event, numbers)]

    def absent(self, event: SegmentCut, reason: str, ordinal: int | str = 0) -> list[Event]:
        """Say of a segment why there is nobody; its count says so as well, to the gallery."""
        counted = replace(self._counted(event, 0, ordinal), absent_reason=reason)
        return [counted, *super().absent(event, reason, ordinal)]

    def is_own(self, answer: FeatureExtracted, event: SegmentCut | MediaFetched) -> bool:
        """Whether an answer is what the stage says with its networks and its limits of size and quality."""
        return answer.event_id == self.author.id_of(event)

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

    def _shown(self, event: SegmentCut, numbers: dict[str, float]) -> FeatureExtracted:
        """Say how faces are shown, and nothing by which one of them could be known again: see `PRESENCE`."""
        if not numbers["faces_max"] and not numbers["face_tracks"]:
            return replace(self.author.absent(event, NO_FACES), numbers=numbers)
        vector = to_vector([numbers[name] for name in PRESENCE])
        return replace(self.author.feature(event), vector=vector, numbers=numbers)

    def _numbers(self, event: SegmentCut, looks: Sequence[Look], tracks: Sequence[Track]) -> dict[str, float]:
        sight = self._sight
        measured = measure(
            looks, start_s=event.start_s, least_px=sight.least_px, least_score=sight.detector.least_score
        )
        numbers = measured | {"face_tracks": float(len(tracks))}
        return {name: round(value, _DIGITS) for name, value in numbers.items()}

    def _tracked(self, event: SegmentCut, looks: Sequence[Look], tracks: Sequence[Track]) -> Iterator[FaceTracked]:
        others = seen_together(tracks)
        for number, track in enumerate(tracks):
            place, best = track.known[0]
            yield FaceTracked(
                event_id=self.author.id_of(event, f"track/{number}"),
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
                model=self.author.model,
                model_version=self.author.model_version,
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

    def _counted(self, event: SegmentCut, count: int, ordinal: int | str = 0) -> FacesCounted:
        return FacesCounted(
            event_id=self.author.id_of(event, f"count/{ordinal}"),
            video_id=event.video_id,
            revision=event.revision,
            segment=event.index,
            segments=event.count,
            count=count,
            start_s=event.start_s,
            end_s=event.end_s,
        )


def _box(look: Look, face: Face) -> Box:
    width_px, height_px = look.width_px, look.height_px
    return Box(
        left=round(face.left_px / width_px, _DIGITS),
        top=round(face.top_px / height_px, _DIGITS),
        width=round(face.width_px / width_px, _DIGITS),
        height=round(face.height_px / height_px, _DIGITS),
    )
