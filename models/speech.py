"""Speech to words with their times: Whisper base in 8 bits, by faster-whisper (the extra ``asr``)."""

import hashlib
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile, copyfileobj
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

MODEL = "whisper-base"

MODEL_VERSION = "d01c3014-v1-int8"
"""The joined weights' sha256, how sound becomes words (raise it with any change here), the precision."""

NETWORK_FILE = "model.bin"
NETWORK_PARTS = ("model.bin.part1", "model.bin.part2")
"""In this order: a wheel on the package index may not be large enough for both."""

NETWORK_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
COPIED_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")

LEAST_MEAN_LOG_PROBABILITY = -1.0
"""Whisper's own threshold for a failed decoding. Whisper would try again at random; we let the words go, so that the
same sound always has the same words. It keeps a barking dog from laughing out loud."""

_TIME_DIGITS = 2
_PROBABILITY_DIGITS = 4


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word and when it is said, from the start of the sound."""

    text: str
    start_s: float
    end_s: float


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """What is said in a piece of sound; `language` is ISO 639-1, `language_probability` lies in [0, 1]."""

    text: str
    language: str
    language_probability: float
    words: tuple[Word, ...]


class Transcriber:
    """Writes down what is said, in the language in which it is said."""

    def __init__(self, model: "WhisperModel") -> None:
        self._model = model

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Read the network.

        Raises
        ------
        WeightsMissing
            The extra ``asr`` is not installed, or a file is absent or unreadable.
        """
        if find_spec("faster_whisper") is None:
            raise WeightsMissing("speech recognition is not installed; run: pip install 'groundswell[asr]'")
        from faster_whisper import WhisperModel

        try:
            model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsMissing(f"no Whisper in {folder}: {error}; {_FETCH}") from error
        return cls(model)

    def transcribe(self, samples: NDArray[np.float32]) -> Speech | None:
        """Write down what is said in a piece of sound; None when nobody speaks.

        Decoding takes the likeliest word each time (a beam of one, no random second try).
        Sound of less than 30 s costs as much as 30 s, about 2.3 s of CPU; without speech, next to nothing.

        Parameters
        ----------
        samples : array, shape (n,), float32 in [-1, 1], 16 kHz mono

        Source: Radford et al., Whisper (2022); speech is found by Silero VAD, as faster-whisper ships it.
        """
        if not _is_spoken(samples):
            return None
        segments, info = self._model.transcribe(
            samples,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=True,
            word_timestamps=True,
        )
        believed = [segment for segment in segments if segment.avg_logprob >= LEAST_MEAN_LOG_PROBABILITY]
        text = "".join(segment.text for segment in believed).strip()
        if not text:
            return None
        return Speech(
            text=text,
            language=info.language,
            language_probability=round(float(info.language_probability), _PROBABILITY_DIGITS),
            words=tuple(_words(believed)),
        )


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `Transcriber` loads: the network's two parts as one file, and its other files as they are.

    Raises
    ------
    WeightsMissing
        The parts do not make the network that was published.
    """
    with (target_folder / NETWORK_FILE).open("wb") as whole:
        for part in NETWORK_PARTS:
            with (source_folder / part).open("rb") as file:
                copyfileobj(file, whole)
    with (target_folder / NETWORK_FILE).open("rb") as whole:
        sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
    if sha256 != NETWORK_SHA256:
        raise WeightsMissing(
            f"{' and '.join(NETWORK_PARTS)} make a file with sha256 {sha256[:16]}..., "
            f"expected {NETWORK_SHA256[:16]}...; fetch them again: groundswell weights fetch {MODEL}"
        )
    for name in COPIED_FILES:
        copyfile(source_folder / name, target_folder / name)


def _is_spoken(samples: NDArray[np.float32]) -> bool:
    """Look for speech first: Whisper listens for a second of CPU before it asks whether anybody speaks."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    return bool(get_speech_timestamps(samples, VadOptions()))


def _words(segments: "Iterable[Segment]") -> Iterator[Word]:
    for segment in segments:
        for word in segment.words or ():
            if word.word.strip():
                yield Word(
                    text=word.word.strip(),
                    start_s=round(float(word.start), _TIME_DIGITS),
                    end_s=round(float(word.end), _TIME_DIGITS),
                )


_FETCH = f"run: groundswell weights fetch {MODEL}"
