"""What cutting a video into segments costs over decoding it and doing nothing else.

    python -m benchmarks.segment [--json] [--repeat 3] [FILE ...]

Without files: the demo video. CPU seconds of one thread, median; the runs take turns, so that a busy
machine slows all alike. Aim: less than 1.3 times a bare decoding with the same frames left out.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Literal

from benchmarks.cpu_time import cpu_s
from benchmarks.report import Cell, report
from models.media.container import heard_audio, open_media, seen_video
from models.media.cut import CutOptions, cut
from schemas.segments import Sampling
from streams.demo_video import make_demo_video

Skipped = Literal["DEFAULT", "NONREF", "NONKEY"]

SKIPPED: dict[Sampling, Skipped] = {"regular": "NONREF", "keyframes": "NONKEY", "none": "DEFAULT"}
"""What `cut` leaves out under each sampling."""


def decode(path: Path, skipped: Skipped) -> None:
    """Decode the same streams as `cut`, and do nothing with them."""
    with open_media(path) as container:
        video, audio = seen_video(container), heard_audio(container)
        if video is not None:
            video.codec_context.thread_count = 1
            video.codec_context.skip_frame = skipped
        for packet in container.demux(*(stream for stream in (video, audio) if stream is not None)):
            packet.decode()


def measure(path: Path, repeat: int) -> dict[str, Cell]:
    """Compare cutting one file with decoding it in full, and with decoding what is cut."""
    with tempfile.TemporaryDirectory() as folder:
        result = cut(path, Path(folder), CutOptions())
        runs = [
            (
                cpu_s(lambda: decode(path, "DEFAULT")),
                cpu_s(lambda: decode(path, SKIPPED[result.sampling])),
                cpu_s(lambda: cut(path, Path(folder), CutOptions())),
            )
            for _ in range(repeat)
        ]
    full_s, same_s, cut_s = (median(times) for times in zip(*runs, strict=True))
    return {
        "video": path.name[:32],
        "video_s": round(result.duration_s, 1),
        "sampling": result.sampling,
        "segments": len(result.segments),
        "decode_all_cpu_s": full_s,
        "decode_same_cpu_s": same_s,
        "cut_cpu_s": cut_s,
        "cut_to_decode_same": cut_s / same_s,
        "cut_to_decode_all": cut_s / full_s,
        "video_s_per_cpu_s": result.duration_s / cut_s,
    }


def main() -> None:
    """Measure the demo video, or the files that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = options.files or [make_demo_video(Path(folder)).path]
        rows = [measure(path, options.repeat) for path in files]
    report("cutting a video into segments, over bare decoding", rows, as_json=options.json)


if __name__ == "__main__":
    main()
