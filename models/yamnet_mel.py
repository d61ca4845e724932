"""Sound to the spectra that YAMNet hears, and the mel bands it hears them in.

The bands and their logarithm are the first layer of our graph: there they obey the worker's thread count, which
numpy's matrix product does not.

Source: Plakal and Ellis, YAMNet, ``params.py`` and ``features.py`` (github.com/tensorflow/models,
research/audioset/yamnet): frames of 25 ms every 10 ms, 64 mel bands from 125 to 7,500 Hz, log of magnitude + 0.001.
"""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SAMPLES = 512
BINS = FFT_SAMPLES // 2 + 1
BANDS = 64
FRAMES = 96
LOWEST_HZ, HIGHEST_HZ = 125.0, 7500.0
LOG_OFFSET = np.float32(0.001)

PATCH_HOP = FRAMES
"""Frames from one patch to the next. YAMNet's own programs step by half a patch: twice the work for segments whose
embeddings then have a cosine of 0.96 to 0.99 to ours (``benchmarks/audio.py``)."""

SHORTEST_SAMPLES = WINDOW_SAMPLES + (FRAMES - 1) * HOP_SAMPLES + HOP_SAMPLES
"""0.975 s: one patch and a hop; what is shorter is filled up with silence, as YAMNet does."""

FRAME_S = HOP_SAMPLES / SAMPLE_RATE_HZ
PATCH_S = FRAMES * FRAME_S


def spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute how strong each frequency is, frame by frame.

    Parameters
    ----------
    samples : array, shape (n,), float32 in [-1, 1], 16 kHz mono, n >= 400

    Returns
    -------
    array, shape (1 + (n - 400) // 160, 257), float32, not negative
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES]
    return np.abs(np.fft.rfft(frames * _window(), FFT_SAMPLES)).astype(np.float32)


def patches(samples: NDArray[np.float32], hop: int = PATCH_HOP) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut sound into the patches of 0.96 s that the network hears.

    A last patch that ends with the sound is added when at least half of it would otherwise go unheard.

    Parameters
    ----------
    samples : array, shape (n,), float32 in [-1, 1], 16 kHz mono
    hop : int
        Frames of 10 ms from one patch to the next.

    Returns
    -------
    tuple of arrays
        The patches' spectra, shape (n_patches, 1, 96, 257), float32, and the frame at which each begins, shape (n_patches,).
    """
    heard = spectrum(np.pad(samples, (0, max(0, SHORTEST_SAMPLES - len(samples)))))
    starts = list(range(0, len(heard) - FRAMES + 1, hop))
    unheard = len(heard) - (starts[-1] + FRAMES)
    if unheard >= FRAMES // 2:
        starts.append(len(heard) - FRAMES)
    return np.stack([heard[start : start + FRAMES] for start in starts])[:, None], np.array(starts)


def mel_weights() -> NDArray[np.float32]:
    """Weights of each mel band over the spectrum: triangles on the mel scale, none on the zero frequency.

    Returns
    -------
    array, shape (257, 64), float32

    Source: TensorFlow's ``linear_to_mel_weight_matrix`` (HTK's mel scale).
    """
    bins = _mel(np.linspace(0, SAMPLE_RATE_HZ / 2, BINS))[:, None]
    edges = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    return weights.astype(np.float32)


def _mel(frequency_hz: "float | NDArray[np.float64]") -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log1p(np.asarray(frequency_hz) / 700.0))


def _window() -> NDArray[np.float32]:
    """A Hann window whose period is its length."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(np.float32)
