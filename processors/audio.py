"""What is heard in each segment: a vector, names of sounds with their times, and how loud it is."""

from typing import Self

import msgspec

from models.audio import MODEL, MUSIC, SHORTEST_SAMPLES, SPEECH, AudioEncoder, Samples, read_wav
from models.loudness import Loudness, measure
from models.vectors import to_vector
from processors.per_segment import Author, PerSegment
from processors.ports import MediaStore, World
from schemas.event import Event, Ref
from schemas.features import FeatureExtracted, Label
from schemas.segments import SegmentCut

STAGE = "audio"
WEIGHTS = "yamnet"

NO_SOUND_TRACK = "no sound track"
TOO_SHORT = "sound too short"
SILENCE = "silence"

_TIME_DIGITS = 3
_SCORE_DIGITS = 4


class AudioProcessor(PerSegment):
    """Listens to the sound of each segment."""

    def __init__(self, encoder: AudioEncoder, media: MediaStore) -> None:
        self._encoder = encoder
        self._media = media
        self.version = f"1/{encoder.version}"
        self.author = Author(stage=STAGE, version=self.version, model=MODEL, model_version=encoder.version)

    @classmethod
    def build(cls, world: World) -> Self:
        """Load the network.

        Raises
        ------
        WeightsMissing
            It was not fetched.
        """
        return cls(AudioEncoder.load(world.weights(WEIGHTS), world.options.inference), world.media)

    def reads(self, event: SegmentCut) -> Ref | None:
        """The segment's sound."""
        return event.audio_ref

    def describe(self, event: SegmentCut) -> list[Event]:
        """Say what is heard in a segment; raises as `PerSegment.describe`."""
        if event.audio_ref is None:
            return self.absent(event, NO_SOUND_TRACK)
        samples = read_wav(self._media.get(event.audio_ref))
        if len(samples) < SHORTEST_SAMPLES:
            return self.absent(event, TOO_SHORT)
        loudness = measure(samples)
        if loudness.integrated_lufs is None:
            return self.absent(event, SILENCE)
        return [self._hear(event, samples, loudness)]

    def _hear(self, event: SegmentCut, samples: Samples, loudness: Loudness) -> FeatureExtracted:
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
            self.author.feature(event), vector=to_vector(heard.embedding), labels=labels, numbers=numbers
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
