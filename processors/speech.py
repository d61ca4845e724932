"""Words for segments that nobody wrote subtitles for: read off their sound, where speech recognition is installed."""

import logging
from collections.abc import Callable
from typing import Self, TypeAlias

from models.audio import Samples, read_wav
from models.speech import MODEL, MODEL_VERSION, Speech, Transcriber
from processors.ports import MediaStore, World
from schemas.errors import WeightsMissing
from schemas.features import TimedWord, Transcript
from schemas.segments import SegmentCut

SOURCE = "speech"
VERSION = f"{SOURCE}/{MODEL_VERSION}"

Transcribe: TypeAlias = Callable[[Samples], Speech | None]

_TIME_DIGITS = 2

log = logging.getLogger(__name__)


class SpeechReader:
    """Writes down what is said in segments of videos without subtitles in a wanted language.

    Parameters
    ----------
    transcribe : callable
        As `Transcriber.transcribe`.
    """

    def __init__(self, transcribe: Transcribe, media: MediaStore) -> None:
        self._transcribe = transcribe
        self._media = media

    @classmethod
    def build(cls, world: World) -> Self | None:
        """Load the network; None where speech recognition is switched off or not installed."""
        if world.options.speech == "off":
            return None
        try:
            transcriber = Transcriber.load(world.weights(MODEL), world.options.inference_threads)
        except WeightsMissing as missing:
            log.info("speech is not recognised, segments without subtitles have no words: %s", missing)
            return None
        return cls(transcriber.transcribe, world.media)

    def is_needed(self, event: SegmentCut) -> bool:
        """Whether a segment has sound, and its video no subtitles that we read."""
        return event.audio_ref is not None and not event.text_source and not event.text

    def read(self, event: SegmentCut) -> Transcript | None:
        """Write down what is said in a segment; None when nobody speaks.

        Raises
        ------
        MediaUnreadable
            The segment's sound is not what the segment stage writes.
        StorageUnavailable
            The media store cannot be read now.
        """
        speech = self._transcribe(read_wav(self._media.get(event.audio_ref or "")))
        return None if speech is None else _transcript(speech, event.start_s)


def _transcript(speech: Speech, start_s: float) -> Transcript:
    return Transcript(
        text=speech.text,
        source=SOURCE,
        model=MODEL,
        model_version=MODEL_VERSION,
        language=speech.language,
        language_probability=speech.language_probability,
        words=tuple(
            TimedWord(
                text=word.text,
                start_s=round(start_s + word.start_s, _TIME_DIGITS),
                end_s=round(start_s + word.end_s, _TIME_DIGITS),
            )
            for word in speech.words
        ),
    )
