"""What does the audio stage cost beside its network, and what does a wider hop change?

    python -m benchmarks.audio [--json] [FILE...]

The same pieces of sound go through `AudioProcessor.transform` and through spectra and network alone, in a bare
loop, all in CPU time of one process, in turns. For each FILE (any sound or video) the embedding with patches that
follow one another is compared with that of YAMNet's own programs, whose patches overlap by half. Exit 1 when the stage
costs more than the limit.
"""

import argparse
import io
import os
import sys
import wave
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from benchmarks.cpu_time import Work, in_turns
from benchmarks.report import Cell, report
from models import backend
from models.audio import AudioEncoder, Samples, read_wav
from models.loudness import measure
from models.media.cut import CutOptions, cut
from models.yamnet_graph import NETWORK_FILE
from models.yamnet_mel import FRAMES, SAMPLE_RATE_HZ, patches
from processors.audio import AudioProcessor
from schemas.event import derive_id
from schemas.segments import SegmentCut
from streams.storage.media import media_store
from streams.storage.weights import WeightsCache

SEGMENTS = 24
SEGMENT_S = 6.0
LIMIT = 1.6
BARE = "spectra and network"


def main() -> int:
    """Measure and report; 1 when the stage costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    asked = parser.parse_args()
    cache = Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell")))
    folder = WeightsCache(cache).fetch("yamnet")
    with TemporaryDirectory() as scratch:
        rows, ratio = _cost_rows(folder, Path(scratch))
        report("what does the audio stage cost beside its network?", rows, as_json=asked.json)
        if asked.files:
            encoder = AudioEncoder.load(folder)
            hops = [_hop_row(encoder, path, Path(scratch)) for path in asked.files]
            report("what does a wider hop change?", hops, as_json=asked.json)
    return int(ratio > LIMIT)


def _cost_rows(folder: Path, scratch: Path) -> tuple[list[dict[str, Cell]], float]:
    media, sounds = (
        media_store(str(scratch / "media"), cache=scratch / "cache"),
        [_sound(seed) for seed in range(SEGMENTS)],
    )
    events = [_segment(index) for index in range(SEGMENTS)]
    for event, samples in zip(events, sounds, strict=True):
        media.put(event.audio_ref or "", _wav(samples))
    processor, network = AudioProcessor(AudioEncoder.load(folder), media), backend.load(folder / NETWORK_FILE)
    cut_up = [patches(samples)[0] for samples in sounds]
    ways: dict[str, Work] = {
        "AudioProcessor.transform": lambda: processor.transform(events),
        "read WAV": lambda: [read_wav(media.get(event.audio_ref or "")) for event in events],
        "loudness": lambda: [measure(samples) for samples in sounds],
        "spectra": lambda: [patches(samples) for samples in sounds],
    }
    ways["network, a segment at a time"] = lambda: [network.infer({"patches": lot}) for lot in cut_up]
    ways[BARE] = lambda: [network.infer({"patches": patches(samples)[0]}) for samples in sounds]
    for size in (1, 2, 4, 8):
        ways[f"network, batches of {size}"] = _bare(network, np.concatenate(cut_up), size=size)
    spent_s = in_turns(ways)
    whole_s, bare_s = spent_s["AudioProcessor.transform"], spent_s[BARE]
    rows: list[dict[str, Cell]] = [
        {
            "what": way,
            "cpu_ms_per_sound_s": seconds * 1e3 / (SEGMENTS * SEGMENT_S),
            "transform_over_this": whole_s / seconds,
        }
        for way, seconds in spent_s.items()
    ]
    rows.append({"what": f"limit {LIMIT}: transform over {BARE}", "transform_over_this": whole_s / bare_s})
    return rows, whole_s / bare_s


def _bare(network: backend.Network, cut_up: NDArray[np.float32], *, size: int) -> Work:
    lots = [cut_up[start : start + size] for start in range(0, len(cut_up), size)]
    return lambda: [network.infer({"patches": lot}) for lot in lots]


def _sound(seed: int) -> Samples:
    """Something between a chord and noise; what it is costs nothing."""
    chance = np.random.default_rng(seed)
    at_s = np.arange(round(SEGMENT_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * at_s) for hz in chance.uniform(100, 3000, 4))
    return np.asarray(0.1 * tones + 0.05 * chance.standard_normal(len(at_s)), np.float32)


def _segment(index: int) -> SegmentCut:
    return SegmentCut(
        event_id=derive_id("benchmark", "1", "audio", index),
        video_id="file:benchmark",
        revision="0" * 16,
        index=index,
        count=SEGMENTS,
        start_s=index * SEGMENT_S,
        end_s=(index + 1) * SEGMENT_S,
        audio_ref=f"{index}.wav",
    )


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE_HZ)
        out.writeframes(np.clip(samples * 32767, -32767, 32767).astype("<i2").tobytes())
    return file.getvalue()


def _hop_row(encoder: AudioEncoder, path: Path, scratch: Path) -> dict[str, Cell]:
    """Compare each segment's embedding with that of patches every 48 frames."""
    folder = scratch / path.name
    folder.mkdir()
    sounds = [read_wav((folder / s.audio).read_bytes()) for s in cut(path, folder, CutOptions()).segments if s.audio]
    cosines = [
        _cosine(encoder.hear(samples).embedding, encoder.hear(samples, hop=FRAMES // 2).embedding) for samples in sounds
    ]
    return {
        "file": path.name,
        "segments": len(cosines),
        "cosine_median": median(cosines) if cosines else None,
        "cosine_least": min(cosines) if cosines else None,
    }


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


if __name__ == "__main__":
    sys.exit(main())
