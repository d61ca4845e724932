"""Words for segments that nobody wrote subtitles for: read off their sound, where speech recognition is installed."""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol, Self, TypeAlias

from models.audio import Samples, read_wav
from models.speech import MODEL, MODEL_VERSION, Speech, Transcriber
from processors.ports import MediaStore, World
from schemas.errors import WeightsMissing
from schemas.features import FeatureExtracted, TimedWord, Transcript
from schemas.segments import SegmentCut

NO_SPEECH = "no speech"
SOURCE = "speech"
VERSION = f"{SOURCE}/{MODEL_VERSION}"

Transcribe: TypeAlias = Callable[[Samples], Speech | None]

_TIME_DIGITS = 2

log = logging.getLogger(__name__)


class Ears(Protocol):
    """Says what is spoken in segments without subtitles."""

    def is_needed(self, event: SegmentCut) -> bool:
        """Whether it has something to say of a segment."""
        ...

    def listens(self, event: SegmentCut) -> bool:
        """Whether it takes the segment's sound to say it."""
        ...

    def read(self, event: SegmentCut) -> Transcript | None:
        """Write down what is said in a segment; None when nobody speaks."""
        ...


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

    def listens(self, event: SegmentCut) -> bool:
        """Whether a segment's sound is read: always, where it is needed."""
        return self.is_needed(event)

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


class RememberedSpeech:
    """What was heard in past segments, so that nobody has to listen again to embed the words anew.

    Parameters
    ----------
    answers : iterable of FeatureExtracted
        What stands of the segments.
    reader : SpeechReader or None
        Listens where nothing was heard by its network; without one, whatever was heard is kept.
    """

    def __init__(self, answers: Iterable[FeatureExtracted], reader: Ears | None) -> None:
        self._reader = reader
        kept = (answer for answer in answers if reader is None or _is_heard_now(answer))
        self._known = {
            f"{answer.video_id}/{answer.scope}": answer.transcript
            for answer in kept
            if answer.transcript or answer.absent_reason == NO_SPEECH
        }

    def is_needed(self, event: SegmentCut) -> bool:
        """Whether something was heard in a segment, or has yet to be."""
        return event.record_key in self._known or self.listens(event)

    def listens(self, event: SegmentCut) -> bool:
        """Whether a segment's sound has to be read."""
        is_known = event.record_key in self._known
        return not is_known and self._reader is not None and self._reader.is_needed(event)

    def read(self, event: SegmentCut) -> Transcript | None:
        """Say what was heard, or listen; raises as `SpeechReader.read`."""
        if event.record_key in self._known or self._reader is None:
            return self._known.get(event.record_key)
        return self._reader.read(event)


def _is_heard_now(answer: FeatureExtracted) -> bool:
    """Whether the network of today heard it; who heard silence is not written down."""
    return answer.transcript is not None and answer.transcript.model_version == MODEL_VERSION


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
