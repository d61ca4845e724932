"""Cutting takes the same memory whatever the length: measured as the peak of a child process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Clip, write_clip

MB = 2**20

MEASURE = """
import json, resource, sys
from pathlib import Path
from models.media.cut import CutOptions, cut
result = cut(Path(sys.argv[1]), Path(sys.argv[2]), CutOptions(keyframes_from_s=float(sys.argv[3]), keyframe_gain=0.0))
status = Path("/proc/self/status")  # getrusage would also count what our parent held when it forked
peak = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
kilobytes = int(peak[0]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([kilobytes, len(result.segments), result.sampling]))
"""


def peak_bytes(path: Path, folder: Path, keyframes_from_s: float) -> tuple[int, int, str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", MEASURE, str(path), str(folder), str(keyframes_from_s)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout
    peak, segments, sampling = json.loads(printed)
    return peak * 1024, segments, sampling


@pytest.fixture(scope="module")
def half_an_hour(tmp_path_factory):
    clip = Clip(
        scenes_s=(900.0, 900.0),
        size_px=(64, 48),
        rate_hz=2,
        sound="pcm_alaw",
        sound_rate_hz=8_000,
        options={"preset": "ultrafast", "g": "12"},
    )
    return write_clip(tmp_path_factory.mktemp("long") / "long.mov", clip)


@pytest.mark.parametrize(("keyframes_from_s", "sampling"), [(1e9, "regular"), (1200.0, "keyframes")])
def test_memory_stays_bounded_whatever_the_length(half_an_hour, tmp_path, keyframes_from_s, sampling):
    short = write_clip(tmp_path / "short.mp4", Clip(scenes_s=(8.0,), size_px=(64, 48)))
    short_bytes, *_ = peak_bytes(short, tmp_path, keyframes_from_s)
    long_bytes, segments, sampled = peak_bytes(half_an_hour, tmp_path, keyframes_from_s)
    assert (segments >= 180, sampled) == (True, sampling)
    assert long_bytes < 400 * MB
    assert long_bytes - short_bytes < 40 * MB
