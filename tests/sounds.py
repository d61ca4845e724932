"""Sounds made of numbers, 16 kHz mono, and the WAVs the segment stage would write of them."""

import io
import wave
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000

Samples = NDArray[np.float32]


def times_s(duration_s: float) -> NDArray[np.float64]:
    return np.arange(round(duration_s * RATE_HZ)) / RATE_HZ


def sine(duration_s: float, *, hz: float = 997.0, level_dbfs: float = -20.0) -> Samples:
    """A tone whose peaks reach `level_dbfs`."""
    return (10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hz * times_s(duration_s))).astype(np.float32)


def chord(duration_s: float) -> Samples:
    """Plucked C major every half second."""
    at_s = times_s(duration_s)
    since_s = at_s % 0.5
    notes = [np.sin(2 * np.pi * hz * k * since_s) / k for hz in (130.81, 261.63, 329.63, 392.0) for k in (1, 2, 3)]
    return (0.08 * sum(notes) * np.exp(-4 * since_s)).astype(np.float32)


def chirp(duration_s: float) -> Samples:
    """A bird that whistles from 2 to 4 kHz five times a second."""
    since_s = times_s(duration_s) % 0.2
    return (0.3 * np.sin(2 * np.pi * (2000 * since_s + 5000 * since_s**2))).astype(np.float32)


def noise(duration_s: float) -> Samples:
    return (np.random.default_rng(5).random(round(duration_s * RATE_HZ)) * 0.2 - 0.1).astype(np.float32)


def silence(duration_s: float) -> Samples:
    return np.zeros(round(duration_s * RATE_HZ), np.float32)


MADE: dict[str, Callable[[float], Samples]] = {
    "tone": sine,
    "chord": chord,
    "chirp": chirp,
    "noise": noise,
    "silence": silence,
}


def wav(samples: Samples, *, rate_hz: int = RATE_HZ, channels: int = 1) -> bytes:
    """The bytes of a 16-bit WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return file.getvalue()
