"""Composes the sound of the demo video: music with a beat, a purr in the quiet, a tone."""

import numpy as np
from numpy.typing import NDArray

from streams.demo_video import Shot, Sound, timed

SOUND_RATE_HZ = 44_100
BEAT_S = 0.5
"""120 beats a minute."""

CHORDS_HZ = (
    (130.81, 261.63, 329.63, 392.00),
    (110.00, 220.00, 261.63, 329.63),
    (87.31, 174.61, 261.63, 349.23),
    (98.00, 196.00, 246.94, 392.00),
)
"""C, A minor, F, G: the bass first. Each lasts two seconds."""

TONE_HZ = 660.0
SEED = 7
LOUDEST = 0.7
"""Leaves the encoder room."""

Samples = NDArray[np.float64]


def compose(story: tuple[Shot, ...]) -> NDArray[np.float32]:
    """Sound for a whole story at 44.1 kHz, one channel, in [-1, 1].

    Returns
    -------
    array, shape (samples,)
    """
    noise = np.random.default_rng(SEED)
    parts = [_part(shot.sound, start_s, shot.duration_s, noise) for start_s, shot in timed(story)]
    sound = np.concatenate(parts)
    return np.asarray(LOUDEST * sound / np.abs(sound).max(), dtype=np.float32)


def _part(sound: Sound, start_s: float, duration_s: float, noise: np.random.Generator) -> Samples:
    at_s = start_s + np.arange(round(duration_s * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    if sound == "music":
        return _music(at_s, noise)
    if sound == "purr":
        return _purr(at_s - start_s, noise)
    return 0.3 * np.sin(2 * np.pi * TONE_HZ * at_s) * _faded(at_s - start_s, duration_s)


def _music(at_s: Samples, noise: np.random.Generator) -> Samples:
    """Plucked chords going up and down, a bass, a drum on the beat and a rattle between."""
    since_beat_s = at_s % BEAT_S
    played = 0.5 * _drum(since_beat_s) + 0.08 * _rattle((at_s + BEAT_S / 2) % BEAT_S, noise)
    chord = (at_s // (4 * BEAT_S)).astype(int) % len(CHORDS_HZ)
    note = np.array([1, 2, 3, 2])[(at_s // (BEAT_S / 2)).astype(int) % 4]
    chords_hz = np.array(CHORDS_HZ)
    melody = _pluck(chords_hz[chord, note], at_s % (BEAT_S / 2))
    held = sum(_pluck(chords_hz[chord, place], at_s % (4 * BEAT_S)) for place in (1, 2, 3))
    bass = _pluck(chords_hz[chord, 0], since_beat_s)
    return played + 0.5 * melody + 0.3 * held + 0.5 * bass


def _pluck(note_hz: Samples, since_s: Samples) -> Samples:
    """A string: harmonics that get weaker upwards, and die the faster the higher they are."""
    harmonics = [np.sin(2 * np.pi * note_hz * k * since_s) * np.exp(-since_s * (2 + k)) / k**1.5 for k in range(1, 7)]
    return np.asarray(sum(harmonics) * np.minimum(1, since_s / 0.004))


def _drum(since_s: Samples) -> Samples:
    """A skin whose pitch falls from 120 to 50 Hz."""
    swings = 50 * since_s + 70 * (1 - np.exp(-since_s * 30)) / 30
    return np.sin(2 * np.pi * swings) * np.exp(-since_s * 12)


def _rattle(since_s: Samples, noise: np.random.Generator) -> Samples:
    hiss = np.diff(noise.standard_normal(len(since_s)), prepend=0.0)
    return hiss * np.exp(-since_s * 40)


def _purr(since_s: Samples, noise: np.random.Generator) -> Samples:
    """A second of silence, then soft low noise that throbs 25 times a second."""
    rough = noise.standard_normal(len(since_s))
    low = np.convolve(rough, np.hanning(200) / 100, mode="same")
    throb = 0.5 + 0.5 * np.sin(2 * np.pi * 25 * since_s)
    return 0.6 * low * throb * np.clip(since_s - 1, 0, 1)


def _faded(since_s: Samples, duration_s: float) -> Samples:
    return np.clip(np.minimum(since_s, duration_s - since_s) / 0.1, 0, 1)
