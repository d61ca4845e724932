"""Loudness reads what the standards' own test tones must read."""

from fractions import Fraction

import av
import numpy as np
import pytest
import sounds

from models import loudness
from models.loudness import k_weighted, measure

TOLERANCE_LU = 0.1
"""What EBU Tech 3341 allows a meter."""


def levels(*parts: tuple[float, float]) -> sounds.Samples:
    """A tone of 1 kHz, part after part at its own level: (dBFS, seconds)."""
    return np.concatenate([sounds.sine(duration_s, hz=1000.0, level_dbfs=dbfs) for dbfs, duration_s in parts])


@pytest.mark.parametrize("dbfs", [0.0, -10.0, -23.0, -50.0])
def test_a_tone_of_997_hz_in_one_channel_reads_three_below_its_peak(dbfs: float) -> None:
    assert measure(sounds.sine(5.0, level_dbfs=dbfs)).integrated_lufs == pytest.approx(dbfs - 3.01, abs=TOLERANCE_LU)


@pytest.mark.parametrize(
    ("parts", "stereo_lufs"),
    [
        ([(-23.0, 20.0)], -23.0),
        ([(-33.0, 20.0)], -33.0),
        ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
        ([(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0),
        ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_the_loudness_cases_of_ebu_tech_3341_pass(parts: list[tuple[float, float]], stereo_lufs: float) -> None:
    """The cases are stereo; the same tone in one channel reads 3.01 LU less."""
    assert measure(levels(*parts)).integrated_lufs == pytest.approx(stereo_lufs - 3.01, abs=TOLERANCE_LU)


@pytest.mark.parametrize(
    ("parts", "range_lu"),
    [
        ([(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        ([(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        ([(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        ([(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_the_range_cases_of_ebu_tech_3342_pass(parts: list[tuple[float, float]], range_lu: float) -> None:
    assert measure(levels(*parts)).range_lu == pytest.approx(range_lu, abs=1.0)


def test_the_filters_are_those_of_the_standard_at_48_khz(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coefficients printed in BS.1770-4, tables 1 and 2."""
    monkeypatch.setattr(loudness, "SAMPLE_RATE_HZ", 48_000)
    (b1, a1), (b2, a2) = loudness._shelf(), loudness._high_pass()
    np.testing.assert_allclose(b1, [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-10)
    np.testing.assert_allclose(a1, [1.0, -1.69065929318241, 0.73248077421585], atol=1e-10)
    np.testing.assert_allclose(b2, [1.0, -2.0, 1.0], atol=1e-10)
    np.testing.assert_allclose(a2, [1.0, -1.99004745483398, 0.99007225036621], atol=1e-10)


def test_filtering_by_transform_is_filtering_by_recursion() -> None:
    samples = sounds.noise(0.5)
    expected = samples.astype(np.float64)
    for b, a in (loudness._shelf(), loudness._high_pass()):
        expected = _recursive(expected, b, a)
    np.testing.assert_allclose(k_weighted(samples), expected, atol=1e-12)


def _recursive(x: np.ndarray, b: tuple[float, ...], a: tuple[float, ...]) -> np.ndarray:
    y = np.zeros(len(x) + 2)
    x = np.concatenate([x, [0.0, 0.0]])  # x[-1] and x[-2] are the zeros before the beginning
    for n in range(len(x) - 2):
        y[n] = b[0] * x[n] + b[1] * x[n - 1] + b[2] * x[n - 2] - a[1] * y[n - 1] - a[2] * y[n - 2]
    return y[:-2]


@pytest.mark.parametrize("name", ["chord", "chirp", "noise"])
def test_ffmpegs_own_meter_reads_nearly_the_same(name: str) -> None:
    samples = sounds.MADE[name](10.0)
    # 0.3 LU: ffmpeg measures at 48 kHz, where the shelf bends a little elsewhere.
    assert measure(samples).integrated_lufs == pytest.approx(_ffmpeg_lufs(samples), abs=0.3)


def _ffmpeg_lufs(samples: sounds.Samples) -> float:
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=16_000, format="flt", layout="mono", time_base=Fraction(1, 16_000))
    meter, sink = graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    read = {}
    for start in range(0, len(samples), 1600):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1600].copy(), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
        source.push(frame)
        read |= _metadata(sink)
    return float(read["lavfi.r128.I"])


def _metadata(sink: "av.filter.FilterContext") -> dict[str, str]:
    read: dict[str, str] = {}
    while True:
        try:
            read |= dict(sink.pull().metadata)
        except (av.error.BlockingIOError, av.error.EOFError):
            return read


@pytest.mark.parametrize("duration_s", [0.05, 0.5, 5.0])
def test_digital_silence_has_no_loudness(duration_s: float) -> None:
    heard = measure(sounds.silence(duration_s))
    assert (heard.integrated_lufs, heard.range_lu, heard.peak_dbfs) == (None, None, None)
    assert heard.silence_share == 1.0


def test_dither_counts_as_silence() -> None:
    dither = np.random.default_rng(1).choice([-1, 0, 1], 80_000).astype(np.float32) / 32768
    heard = measure(dither)
    assert heard.integrated_lufs is None
    assert heard.silence_share == 1.0
    assert heard.peak_dbfs == pytest.approx(-90.3, abs=0.1)


def test_the_share_of_silence_is_the_time_below_the_gate() -> None:
    samples = np.concatenate([sounds.chord(4.0), sounds.silence(4.0)])
    assert measure(samples).silence_share == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("duration_s", [0.01, 0.1, 0.39])
def test_sound_shorter_than_a_block_is_one_block(duration_s: float) -> None:
    heard = measure(sounds.sine(duration_s, level_dbfs=-20.0))
    assert heard.integrated_lufs == pytest.approx(-23.0, abs=1.0)
    assert heard.range_lu is None


def test_the_peak_is_the_largest_sample() -> None:
    assert measure(sounds.sine(1.0, hz=1000.0, level_dbfs=-6.0)).peak_dbfs == pytest.approx(-6.0, abs=0.01)
