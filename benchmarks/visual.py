"""What does the visual stage cost beside its network alone, and where does the rest go?

    python -m benchmarks.visual [--json] [--height 720]

Segments of five noisy frames go through `VisualProcessor.transform`, through the network alone on frames that
are ready, and through each step alone; all in CPU time of one process, in turns.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from platformdirs import user_cache_path

from benchmarks.cpu_time import in_turns
from benchmarks.report import Cell, report
from models.frame_files import list_frames
from models.media.frames import JPEG_QUALITY, Picture, write_zip
from models.picture_numbers import segment_numbers
from models.visual import SHORT_SIDE_PX, VisualEncoder, shrink
from processors.visual import VisualProcessor
from schemas.event import derive_id
from schemas.segments import SegmentCut
from streams.storage.media import FolderMediaStore
from streams.storage.weights import WeightsCache

SEGMENTS = 8
"""One batch of the stage."""

FRAMES = 5
WIDE = 16 / 9

LIMIT = 2.25
"""Of the stage's CPU time over the network's: opening and measuring a picture costs about as much as seeing it."""


def main() -> int:
    """Measure and report; 1 when the stage costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--height", type=int, default=720, help="of the frames, in pixels")
    asked = parser.parse_args()
    cache = Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell")))
    encoder = VisualEncoder.load(WeightsCache(cache).fetch("lite0"))
    with TemporaryDirectory() as folder:
        spent_s = in_turns(_ways(encoder, FolderMediaStore(Path(folder)), height_px=asked.height))
    network_s = spent_s["network alone"]
    rows = [_row(way, seconds, network_s) for way, seconds in spent_s.items()]
    report(f"what does the visual stage cost beside its network? (limit {LIMIT:g})", rows, as_json=asked.json)
    return int(spent_s["VisualProcessor.transform"] / network_s > LIMIT)


def _ways(encoder: VisualEncoder, store: FolderMediaStore, *, height_px: int) -> dict[str, Callable[[], object]]:
    data = _zip(height_px)
    store.put("frames.zip", data)
    processor, cuts = VisualProcessor(encoder, store), [_cut(index) for index in range(SEGMENTS)]
    files = list_frames(data)
    opened = [file.decode(least_px=SHORT_SIDE_PX).pixels for file in files]
    small, times_s = [shrink(picture) for picture in opened], [file.time_s for file in files]
    steps: dict[str, Callable[[], object]] = {
        "network alone": lambda: [encoder.run(picture) for picture in small],
        "network and scores by name": lambda: [encoder.look(picture) for picture in small],
        "opening JPEGs": lambda: [file.decode(least_px=SHORT_SIDE_PX) for file in list_frames(data)],
        "opening JPEGs in full": lambda: [file.decode() for file in list_frames(data)],
        "shrinking": lambda: [shrink(picture) for picture in opened],
        "picture numbers": lambda: segment_numbers(times_s, small, span_s=(0, FRAMES), cuts_s=(0.0,)),
    }
    return {"VisualProcessor.transform": lambda: processor.transform(cuts)} | {
        name: _repeated(step) for name, step in steps.items()
    }


def _repeated(step: Callable[[], object]) -> Callable[[], object]:
    return lambda: [step() for _ in range(SEGMENTS)]


def _row(what: str, seconds: float, network_s: float) -> dict[str, Cell]:
    return {"what": what, "cpu_ms_per_frame": seconds * 1e3 / (SEGMENTS * FRAMES), "over_network": seconds / network_s}


def _cut(index: int) -> SegmentCut:
    return SegmentCut(
        event_id=derive_id("benchmark", "1", "visual", index),
        video_id="file:benchmark",
        revision="0" * 16,
        index=index,
        count=SEGMENTS,
        start_s=0.0,
        end_s=float(FRAMES),
        frames_ref="frames.zip",
        shot_starts_s=(0.0,),
    )


def _zip(height_px: int) -> bytes:
    """Frames with as much detail as a photo: noise of three sizes."""
    chance, size_px = np.random.default_rng(1), (round(height_px * WIDE), height_px)
    pictures = []
    for second in range(FRAMES):
        layers = [cv2.resize(chance.random((9 * n, 16 * n, 3)), size_px) for n in (1, 6, 40)]
        pixels = np.rint(85 * np.sum(layers, axis=0)).astype(np.uint8)
        _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        pictures.append(Picture(1000 * second, bytes(jpeg)))
    with TemporaryDirectory() as folder:
        write_zip(Path(folder) / "frames.zip", pictures)
        return (Path(folder) / "frames.zip").read_bytes()


if __name__ == "__main__":
    sys.exit(main())
