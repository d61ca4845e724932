"""What is said in each segment, and written in title and description, as vectors of meaning."""

import re
from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

from models.own_words import own_words
from models.text import MODEL, TextEncoder
from models.vectors import to_vector
from processors.per_segment import Author
from processors.ports import World
from processors.speech import NO_SPEECH, Ears, RememberedSpeech, SpeechReader
from processors.speech import VERSION as SPEECH_VERSION
from schemas.errors import Unreadable
from schemas.event import Event, Ref
from schemas.features import FAILED, FeatureExtracted, Transcript, Vector
from schemas.media import MediaDuplicated, MediaFetched
from schemas.segments import SegmentCut, VideoSegmented

STAGE = "text"
WEIGHTS = "minilm"

_WORD = re.compile(r"\w")
_SHORTEST_RATED_S = 0.5
_FASTEST_WORDS_PER_MINUTE = 2000.0
"""Three times the fastest speakers; beyond it the text was not spoken, and has no rate."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """The words that an event brings to be embedded; without words, why there are none.

    `transcript` is set where the words were heard, and `ordinal` tells such an answer from one without ears.
    """

    event: SegmentCut | MediaFetched
    text: str
    absent_reason: str
    numbers: dict[str, float]
    transcript: Transcript | None = None
    ordinal: int | str = 0

    @property
    def has_words(self) -> bool:
        return _WORD.search(self.text) is not None


class TextProcessor:
    """Embeds the words of each segment, and each video's title with its description.

    With a `SpeechReader`, segments of videos without subtitles are listened to first.
    """

    def __init__(self, encoder: TextEncoder, speech: Ears | None = None) -> None:
        self._encoder = encoder
        self._speech = speech
        self.version = f"2/{encoder.version}"
        self.author = Author(stage=STAGE, version=self.version, model=MODEL, model_version=encoder.version)

    @classmethod
    def build(cls, world: World) -> Self:
        """Load the network, and the one for speech where it is installed.

        Raises
        ------
        WeightsMissing
            The text network was not fetched.
        """
        encoder = TextEncoder.load(world.weights(WEIGHTS), world.options.inference)
        return cls(encoder, SpeechReader.build(world))

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each segment and each fetched video with one feature, segments also with progress.

        Raises
        ------
        Unreadable
            An event this stage does not read.
        MediaUnreadable, StorageUnavailable
            A segment should be listened to, and its sound cannot be read.
        """
        passages = [self._heard(event) or passage_of(event) for event in events]
        return [
            [*self._features(passage, vector), *self.author.progress(event)]
            for event, passage, vector in zip(events, passages, self._embed(passages), strict=True)
        ]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say that there will be no vector, so that the video can be completed without it."""
        passage = passage_of(event)
        return [self.author.absent(passage.event, f"{FAILED}: {reason}", FAILED)] if passage else []

    def remembering(self, answers: Iterable[FeatureExtracted]) -> Self:
        """Make the same stage, which listens again only where its network has not heard a segment yet."""
        return type(self)(self._encoder, RememberedSpeech(answers, self._speech))

    def reads(self, event: SegmentCut) -> Ref | None:
        """The segment's sound, where somebody has to listen to it."""
        return event.audio_ref if self._speech and self._speech.listens(event) else None

    def is_own(self, answer: FeatureExtracted, event: SegmentCut | MediaFetched) -> bool:
        """Whether an answer is what the present networks say, speech included where it applies."""
        if answer.model_version != self.author.model_version:
            return False
        is_heard = isinstance(event, SegmentCut) and self.reads(event) is not None
        return not is_heard or answer.event_id == self.author.id_of(event, SPEECH_VERSION)

    def _heard(self, event: Event) -> Passage | None:
        """What is said in a segment without subtitles; None where it need not or cannot be heard."""
        if self._speech is None or not isinstance(event, SegmentCut) or not self._speech.is_needed(event):
            return None
        transcript = self._speech.read(event)
        said = _spoken(event, transcript.text if transcript else "")
        reason = said.absent_reason if transcript else NO_SPEECH
        return msgspec.structs.replace(said, transcript=transcript, absent_reason=reason, ordinal=SPEECH_VERSION)

    def _embed(self, passages: Sequence[Passage | None]) -> list[Vector | None]:
        """One vector for each passage that has words, in their places."""
        places = [place for place, passage in enumerate(passages) if passage and passage.has_words]
        vectors: list[Vector | None] = [None] * len(passages)
        for place, row in zip(
            places, self._encoder.encode([p.text for p in passages if p and p.has_words]), strict=True
        ):
            vectors[place] = to_vector(row)
        return vectors

    def _features(self, passage: Passage | None, vector: Vector | None) -> list[FeatureExtracted]:
        if passage is None:
            return []
        if vector is None:  # without numbers: nobody counted zero words, there may just be no subtitles
            return [self.author.absent(passage.event, passage.absent_reason, passage.ordinal)]
        answer = self.author.feature(passage.event, passage.ordinal)
        return [msgspec.structs.replace(answer, vector=vector, numbers=passage.numbers, transcript=passage.transcript)]


def passage_of(event: Event) -> Passage | None:
    """Find the words an event brings; None where it brings no place for words.

    Raises
    ------
    Unreadable
        Not an event of ``segments`` or ``media``.
    """
    match event:
        case SegmentCut():
            return _spoken(event, event.text)
        case MediaFetched():
            return None if event.duplicate_of else _written(event)
        case MediaDuplicated() | VideoSegmented():
            return None
    raise Unreadable(f"the text stage reads segments and media, but {type(event).__name__} came")


def _spoken(event: SegmentCut, text: str) -> Passage:
    return Passage(
        event=event,
        text=text,
        absent_reason="no words, only signs" if text.strip() else "no words",
        numbers=_numbers(text) | _rate(event, text),
    )


def _written(event: MediaFetched) -> Passage:
    text = own_words(event.metadata)
    return Passage(
        event=event,
        text=text,
        absent_reason="no words in title or description" if text else "no title or description",
        numbers=_numbers(text),
    )


def _numbers(text: str) -> dict[str, float]:
    return {"words": float(len(text.split()))}


def _rate(event: SegmentCut, text: str) -> dict[str, float]:
    duration_s = event.end_s - event.start_s
    if duration_s < _SHORTEST_RATED_S:
        return {}
    rate = len(text.split()) / duration_s * 60
    return {"words_per_minute": rate} if rate <= _FASTEST_WORDS_PER_MINUTE else {}
