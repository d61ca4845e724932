"""Decoded sound becomes 16 kHz mono 16-bit, laid on disk at its place in time, then cut into WAVs."""

import os
import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from models.media.clock import Clock, tick_s
from models.media.segments import Span

SAMPLE_RATE_HZ = 16_000
"""What YAMNet and Whisper were taught on."""

SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
SAMPLE_BYTES = 2

BLOCK_SAMPLES = 8_000
"""Half a second at a time goes to disk: fewer, larger writes."""

JUMP_S = 0.1
"""A timestamp this far from where the sound has got to is a gap or an overlap; less is rounding and jitter."""


class SoundTrack:
    """The sound of a whole video in a temporary file: 115 MB an hour on disk, nothing in memory.

    Sound and picture lie far apart in some files; here neither waits for the other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._resampler: AudioResampler | None = None
        self._kind: tuple[int, str, str] | None = None
        self._tick_s = 0.0
        self._position = 0
        self._expected_s: float | None = None
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    @property
    def end_ms(self) -> int:
        """Where the sound ends."""
        return self._length // SAMPLES_PER_MS

    def hear(self, packet: "Packet[Stream]", clock: Clock) -> None:
        """Decode a packet and lay its sound at its time."""
        if not self._tick_s:
            self._tick_s = tick_s(packet.stream)
        for frame in packet.decode():
            at_s = self._time_s(frame, clock) if isinstance(frame, AudioFrame) else None
            if isinstance(frame, AudioFrame) and at_s is not None:
                self.add(frame, at_s)

    def add(self, frame: AudioFrame, at_s: float) -> None:
        """Lay decoded sound at its time; where it jumps, silence or the later sound fills the place."""
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        if self._expected_s is None or abs(at_s - self._expected_s) > JUMP_S or kind != self._kind:
            self._restart(at_s, kind)
        self._expected_s = at_s + frame.samples / frame.sample_rate
        # Its place is ours to keep: the resampler shall not see gaps.
        frame.pts = None
        self._lay(frame)

    def finish(self) -> None:
        """Lay what the resampler still holds."""
        if self._resampler is not None:
            self._lay(None)
            self._resampler = None

    def write_wav(self, path: Path, span: Span) -> bool:
        """Write the sound of a segment, as far as there is any; False when there is none."""
        first = span.start_ms * SAMPLES_PER_MS
        count = min(span.end_ms * SAMPLES_PER_MS, self._length) - first
        if count <= 0:
            return False
        self._file.seek(first * SAMPLE_BYTES)
        with wave.open(os.fspath(path), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(SAMPLE_BYTES)
            wav.setframerate(SAMPLE_RATE_HZ)
            wav.writeframes(self._file.read(count * SAMPLE_BYTES))
        return True

    def _time_s(self, frame: AudioFrame, clock: Clock) -> float | None:
        if frame.pts is not None:
            return clock.believed_s(frame.pts, self._tick_s)
        # Sound without a time follows the sound before.
        return self._expected_s or 0.0

    def _restart(self, at_s: float, kind: tuple[int, str, str]) -> None:
        self.finish()
        self._resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ, frame_size=BLOCK_SAMPLES)
        self._kind = kind
        self._position = round(at_s * SAMPLE_RATE_HZ)

    def _lay(self, frame: AudioFrame | None) -> None:
        if self._resampler is None:
            return
        # Sound that needs no change is handed through, and so is the None that flushes.
        for resampled in filter(None, self._resampler.resample(frame)):
            self._write(np.asarray(resampled.to_ndarray(), dtype="<i2").reshape(-1))

    def _write(self, samples: NDArray[np.int16]) -> None:
        # Encoders begin with priming samples before time zero; nobody hears them.
        before_zero = max(0, -self._position)
        self._file.seek((self._position + before_zero) * SAMPLE_BYTES)
        self._file.write(samples[before_zero:].tobytes())
        self._position += len(samples)
        self._length = max(self._length, self._position)
