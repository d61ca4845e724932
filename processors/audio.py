"""What is heard in each segment: a vector, names of sounds with their times, and how loud it is."""

from collections.abc import Sequence
from typing import Self

import msgspec

from models.audio import MODEL, MUSIC, SHORTEST_SAMPLES, SPEECH, AudioEncoder, Samples, read_wav
from models.loudness import Loudness, measure
from models.vectors import to_vector
from processors.ports import MediaStore, World
from schemas.errors import Unreadable
from schemas.event import Event, derive_id
from schemas.features import FAILED, FeatureExtracted, Label
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut, VideoSegmented

STAGE = "audio"
MODALITY = "audio"
WEIGHTS = "yamnet"

NO_SOUND_TRACK = "no sound track"
TOO_SHORT = "sound too short"
SILENCE = "silence"

_TIME_DIGITS = 3
_SCORE_DIGITS = 4


class AudioProcessor:
    """Listens to the sound of each segment."""

    def __init__(self, encoder: AudioEncoder, media: MediaStore) -> None:
        self._encoder = encoder
        self._media = media
        self.version = f"1/{encoder.version}"

    @classmethod
    def build(cls, world: World) -> Self:
        """Load the network.

        Raises
        ------
        WeightsMissing
            It was not fetched.
        """
        return cls(AudioEncoder.load(world.weights(WEIGHTS), world.options.inference), world.media)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each segment with one feature and progress.

        Raises
        ------
        MediaUnreadable
            A segment's sound is not what the segment stage writes.
        StorageUnavailable
            The media store cannot be read now.
        Unreadable
            An event this stage does not read.
        """
        return [self._answer(event) for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say that there will be no vector, so that the video can be completed without it."""
        if not isinstance(event, SegmentCut):
            return []
        return [msgspec.structs.replace(self._feature(event, ordinal=FAILED), absent_reason=f"{FAILED}: {reason}")]

    def _answer(self, event: Event) -> list[Event]:
        match event:
            case SegmentCut():
                return [self._hear(event), self._progress(event, event.index + 1, event.count)]
            case VideoSegmented():
                return [] if event.count else [self._progress(event, 0, 0)]
        raise Unreadable(f"the audio stage reads segments, but {type(event).__name__} came")

    def _hear(self, event: SegmentCut) -> FeatureExtracted:
        if event.audio_ref is None:
            return self._absent(event, NO_SOUND_TRACK)
        samples = read_wav(self._media.get(event.audio_ref))
        if len(samples) < SHORTEST_SAMPLES:
            return self._absent(event, TOO_SHORT)
        loudness = measure(samples)
        if loudness.integrated_lufs is None:
            return self._absent(event, SILENCE)
        return self._describe(event, samples, loudness)

    def _describe(self, event: SegmentCut, samples: Samples, loudness: Loudness) -> FeatureExtracted:
        heard = self._encoder.hear(samples)
        labels = tuple(
            Label(
                name=span.name,
                score=round(span.score, _SCORE_DIGITS),
                start_s=round(event.start_s + span.start_s, _TIME_DIGITS),
                end_s=round(event.start_s + span.end_s, _TIME_DIGITS),
            )
            for span in self._encoder.spans(heard)
        )
        shares = {
            "speech_share": self._encoder.share(heard, SPEECH),
            "music_share": self._encoder.share(heard, MUSIC),
        }
        numbers = shares | _loudness_numbers(loudness)
        return msgspec.structs.replace(
            self._feature(event), vector=to_vector(heard.embedding), labels=labels, numbers=numbers
        )

    def _absent(self, event: SegmentCut, reason: str) -> FeatureExtracted:
        return msgspec.structs.replace(self._feature(event), absent_reason=reason)

    def _feature(self, event: SegmentCut, ordinal: int | str = 0) -> FeatureExtracted:
        return FeatureExtracted(
            event_id=derive_id(STAGE, self.version, event.event_id, ordinal),
            video_id=event.video_id,
            revision=event.revision,
            scope=str(event.index),
            modality=MODALITY,
            model=MODEL,
            model_version=self._encoder.version,
        )

    def _progress(self, event: SegmentCut | VideoSegmented, done: int, total: int) -> StageProgressed:
        return StageProgressed(
            event_id=derive_id(STAGE, self.version, event.event_id, "progress"),
            video_id=event.video_id,
            stage=STAGE,
            state="done" if done >= total else "running",
            done=float(done),
            total=float(total),
        )


def _loudness_numbers(loudness: Loudness) -> dict[str, float]:
    """Name what is known; what is not is left out, never zero."""
    known = {
        "loudness_lufs": loudness.integrated_lufs,
        "loudness_range_lu": loudness.range_lu,
        "peak_dbfs": loudness.peak_dbfs,
        "silence_share": loudness.silence_share,
    }
    return {name: round(value, _SCORE_DIGITS) for name, value in known.items() if value is not None}
