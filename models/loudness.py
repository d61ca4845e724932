"""How loud sound is to the ear, by ITU-R BS.1770-4 and EBU Tech 3342, for one channel at 16 kHz.

A full-scale sine of 997 Hz reads -3.0 LUFS (-3.01 in the standard, for one channel). Two things differ from a meter on the
original: what lies above 8 kHz is gone, and a stereo pair was mixed to one channel, which reads up to 3 LU less.
"""

from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000

STEP_S = 0.1
_STEP = round(STEP_S * SAMPLE_RATE_HZ)
_MOMENTARY_STEPS, _SHORT_TERM_STEPS = 4, 30
"""Blocks of 400 ms that overlap by three quarters; of 3 s for the range."""

SILENT_LUFS = -70.0
"""The standard's absolute gate: what is below counts as no sound."""

_LOUDNESS_GATE_LU, _RANGE_GATE_LU = -10.0, -20.0
_RANGE_PERCENTILES = (10.0, 95.0)
_OFFSET_LU = -0.691
_RING_SAMPLES = 4096
"""The filters have rung out (below 1e-12) after a quarter of a second."""

Samples = NDArray[np.float32]


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said about the loudness of a piece of sound.

    Attributes
    ----------
    integrated_lufs : float or None
        Gated loudness; None when all of it is silence.
    range_lu : float or None
        Loudness range; None for less than 3 s of sound, or silence.
    peak_dbfs : float or None
        Largest sample over full scale (not the true peak between samples); None for digital silence.
    silence_share : float
        Share of the time below the absolute gate of -70 LUFS, in [0, 1].
    """

    integrated_lufs: float | None
    range_lu: float | None
    peak_dbfs: float | None
    silence_share: float


def measure(samples: Samples) -> Loudness:
    """Measure a piece of sound.

    Sound shorter than a block of 400 ms is taken as one short block, which the standard does not foresee.

    Parameters
    ----------
    samples : array, shape (n,), float32 in [-1, 1], 16 kHz mono, n >= 1

    Source: ITU-R BS.1770-4, annex 1 (loudness); EBU Tech 3342 (range).

    >>> round(measure(np.sin(2 * np.pi * 997 * np.arange(32000) / 16000).astype(np.float32)).integrated_lufs, 1)
    -3.0
    """
    powers = _step_powers(k_weighted(samples))
    momentary = _block_powers(powers, _MOMENTARY_STEPS)
    peak = float(np.abs(samples).max())
    return Loudness(
        integrated_lufs=_integrated(momentary),
        range_lu=_range(_block_powers(powers, _SHORT_TERM_STEPS)) if len(powers) >= _SHORT_TERM_STEPS else None,
        peak_dbfs=20 * float(np.log10(peak)) if peak > 0 else None,
        silence_share=float(np.mean(_lufs(momentary) <= SILENT_LUFS)),
    )


def k_weighted(samples: Samples) -> NDArray[np.float64]:
    """Filter sound as the ear and the head do: a shelf for the head, a high-pass for the ear.

    The recursive filters are applied through the Fourier transform: the same result to 1e-12, and no loop.

    Returns
    -------
    array, shape (n,), float64
    """
    length = 1 << (len(samples) + _RING_SAMPLES - 1).bit_length()
    spectrum = np.fft.rfft(samples.astype(np.float64), length) * _response(length)
    return np.fft.irfft(spectrum, length)[: len(samples)]


@cache
def _response(length: int) -> NDArray[np.complex128]:
    """The two filters' gain at the frequencies of a transform of `length`."""
    z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    powers = np.stack([np.ones_like(z), z, z * z])
    gains = [(np.array(b) @ powers) / (np.array(a) @ powers) for b, a in (_shelf(), _high_pass())]
    return np.asarray(gains[0] * gains[1])


def _shelf() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The first stage: +4 dB from about 1.7 kHz upwards.

    The standard gives coefficients for 48 kHz only. These parameters of the analogue filter give those
    coefficients at 48 kHz, and the same filter at 16 kHz.

    Source: Mansbridge, Finn and Reiss (2012), "Implementation and evaluation of autonomous multi-track fader
    control"; libebur128.
    """
    k, q = np.tan(np.pi * 1681.974450955533 / SAMPLE_RATE_HZ), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + k / q + k * k
    numerator = (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    denominator = (scale, 2 * (k * k - 1), 1 - k / q + k * k)
    return tuple(x / scale for x in numerator), tuple(x / scale for x in denominator)


def _high_pass() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The second stage, from 38 Hz upwards; its numerator is not scaled, as in the standard.

    Source: as of `_shelf`.
    """
    k, q = np.tan(np.pi * 38.13547087602444 / SAMPLE_RATE_HZ), 0.5003270373238773
    scale = 1 + k / q + k * k
    return (1.0, -2.0, 1.0), (1.0, 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale)


def _step_powers(weighted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of each whole 100 ms; of all there is, when it is less than a block of 400 ms."""
    n_steps = len(weighted) // _STEP
    if n_steps < _MOMENTARY_STEPS:
        return np.full(_MOMENTARY_STEPS, np.mean(weighted**2))
    return np.asarray(np.mean(weighted[: n_steps * _STEP].reshape(n_steps, _STEP) ** 2, axis=1))


def _block_powers(step_powers: NDArray[np.float64], n_steps: int) -> NDArray[np.float64]:
    if len(step_powers) < n_steps:
        return np.empty(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(step_powers, n_steps).mean(axis=1))


def _integrated(powers: NDArray[np.float64]) -> float | None:
    heard = powers[_lufs(powers) > SILENT_LUFS]
    if not len(heard):
        return None
    gate_lufs = float(_lufs(heard.mean())) + _LOUDNESS_GATE_LU
    return float(_lufs(heard[_lufs(heard) > gate_lufs].mean()))


def _range(powers: NDArray[np.float64]) -> float | None:
    heard = powers[_lufs(powers) > SILENT_LUFS]
    if not len(heard):
        return None
    gate_lufs = float(_lufs(heard.mean())) + _RANGE_GATE_LU
    low, high = np.percentile(_lufs(heard[_lufs(heard) > gate_lufs]), _RANGE_PERCENTILES)
    return float(high - low)


def _lufs(power: "NDArray[np.float64] | np.float64") -> NDArray[np.float64]:
    """Loudness of a mean power; the power of digital silence reads -300 LUFS."""
    return np.asarray(_OFFSET_LU + 10 * np.log10(np.maximum(power, 1e-30)))
