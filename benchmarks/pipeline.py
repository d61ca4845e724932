"""What does a video cost through Kafka, beside the same networks in one plain loop?

    python -m benchmarks.pipeline [FILE...] [--joined] [--long] [--hard] [--bare] [--rounds 3] [--json]

Without files: the demo video. `--joined` adds a 720p video of five minutes that is made of the files, `--long` one of 25
minutes, which is read by its keyframes, `--hard` videos that need memory: 2160p, and forty faces at 1440p (needs the
extra `demo`). They are kept in the folder for temporary files (`benchmarks.made_videos`). `--bare` runs the plain loop alone.

Everything runs on one core, in turns: a bare full decoding, the plain loop (`benchmarks.bare_loop`: one process, no
Kafka, media store, events or JPEGs), and the whole system as `groundswell up` starts it, speech recognition off, from
the submission to the final prediction. Short files are taken several times, as files of their own, all at once. CPU time
is that of all processes, ended ones included. What the workers take while nothing happens is measured first, shown, and
taken off, and so are starting and a first video to warm up. The Kafka process is shown apart. Memory is sampled five
times a second with child processes; `highest_mb` is the kernel's own count of each worker without them.
Exit 1 when an aim is missed.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, gettempdir

from platformdirs import user_cache_path

from benchmarks.bare_loop import Found, Networks, run_bare
from benchmarks.cpu_time import cpu_s
from benchmarks.live_system import LiveSystem, Spent, highest, live
from benchmarks.made_videos import crowded, joined, large, renamed
from benchmarks.report import Cell, report
from benchmarks.segment import decode
from models.media.probe import probe
from streams.demo_video import make_demo_video
from streams.settings import Settings
from streams.storage.weights import WeightsCache
from streams.topology import STAGES

KAFKA_AIM = 1.15
"""Of the pipeline's CPU time over that of the plain loop."""

DECODE_AIM, KEYFRAME_AIM = 1.6, 0.25
"""Of the plain loop's CPU time over that of a bare full decoding, for videos of 720 lines; and by keyframes."""

HD_HEIGHT_PX = 720
WORKER_LIMIT_MB, TOGETHER_LIMIT_MB = 1200, 5000
MB = 10**6

AT_LEAST_S = 60.0
"""Shorter files are taken several times: CPU time is counted in hundredths of a second."""

MOST_COPIES = 8
IDLE_S = 15.0
JOINED_S, LONG_S, HARD_S = 300.0, 1500.0, 8.0
TITLE = "What a short film may be called"

BARE_PART = {
    "segment": ("decode", "cut"),
    "text": ("text",),
    "visual": ("visual",),
    "audio": ("audio",),
    "faces": ("faces",),
}


@dataclass(frozen=True, kw_only=True)
class Round:
    """One video measured once: a bare decoding, the plain loop, and the pipeline with so many copies."""

    decode_cpu_s: float
    bare: Found
    live: Spent | None
    copies: int

    @property
    def bare_cpu_s(self) -> float:
        return sum(self.bare.cpu_s.values())

    @property
    def live_cpu_s(self) -> float:
        return self.live.total_cpu_s / self.copies if self.live else 0.0


def main() -> int:
    """Measure and report; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    for name, text in (
        ("--joined", "also five minutes at 720p made of the files"),
        ("--long", "also 25 minutes of the same, read by keyframes"),
        ("--hard", "also videos made to need memory"),
        ("--bare", "only the plain loop"),
    ):
        parser.add_argument(name, action="store_true", help=text)
    parser.add_argument(
        "--rounds", type=int, default=3, help="of files shorter than five minutes; longer ones have one"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # a core-second is one thing only where nobody works on the other thread
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cache = Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell")))
    networks, videos = Networks.load(WeightsCache(cache)), _videos(asked, cache)
    run_bare(make_demo_video(cache / "demo").path, networks)
    if asked.bare:
        rounds = {path: [_round(path, networks, None, number=0)] for path in videos}
        return _report_speed(rounds, as_json=asked.json)
    with TemporaryDirectory(prefix="groundswell-") as home:
        return _measure(videos, networks, Settings(home=Path(home), cache=cache, speech="off"), asked)


def _measure(videos: Sequence[Path], networks: Networks, settings: Settings, asked: argparse.Namespace) -> int:
    with live(settings) as system:
        system.rest(IDLE_S)
        resting = system.peak_bytes()
        system.watch([make_demo_video(settings.cache_folder / "demo").path], TITLE)
        system.rest(IDLE_S)
        rounds: dict[Path, list[Round]] = {path: [] for path in videos}
        for number in range(asked.rounds):
            for path in videos:
                if number == 0 or probe(path).duration_s < JOINED_S:
                    rounds[path].append(_round(path, networks, system, number=number))
        missed = _report_speed(rounds, as_json=asked.json)
        _report_stages(rounds, system, as_json=asked.json)
        spent = [done.live for many in rounds.values() for done in many if done.live]
        return missed | _report_memory(spent, resting, highest(settings), as_json=asked.json)


def _videos(asked: argparse.Namespace, cache: Path) -> list[Path]:
    """What to measure: the files, and what is made of them."""
    folder = Path(gettempdir()) / "groundswell-benchmarks"
    files = list(asked.files) or [make_demo_video(cache / "demo").path]
    lengths_s = [length_s for length_s, wanted in ((JOINED_S, asked.joined), (LONG_S, asked.long)) if wanted]
    made = [joined(files, folder, size_px=(1280, 720), least_s=length_s) for length_s in lengths_s]
    if asked.hard:
        largest = max(files, key=lambda path: path.stat().st_size)
        made.append(large(largest, folder, size_px=(3840, 2160), length_s=HARD_S))
        made.append(crowded(folder, size_px=(2560, 1440), length_s=HARD_S))
    return files + made


def _round(path: Path, networks: Networks, system: LiveSystem | None, *, number: int) -> Round:
    decode_cpu_s = cpu_s(lambda: decode(path, "DEFAULT"))
    bare = run_bare(path, networks, title=TITLE)
    copies = min(MOST_COPIES, ceil(AT_LEAST_S / bare.duration_s))
    spent = None
    if system is not None:
        with TemporaryDirectory() as folder:
            names = [renamed(path, Path(folder), number * MOST_COPIES + copy) for copy in range(copies)]
            spent = system.watch(names, TITLE)
    return Round(decode_cpu_s=decode_cpu_s, bare=bare, live=spent, copies=copies)


def _report_speed(rounds: Mapping[Path, Sequence[Round]], *, as_json: bool) -> int:
    rows = [_speed_row(path, many) for path, many in rounds.items()]
    title = f"CPU time on one core; aims: pipeline/bare {KAFKA_AIM:g}, bare/decode {DECODE_AIM:g} at 720p, {KEYFRAME_AIM:g} by keyframes"
    report(title, rows, as_json=as_json)
    return int(any(row["verdict"] != "met" for row in rows))


def _speed_row(path: Path, rounds: Sequence[Round]) -> dict[str, Cell]:
    first = rounds[0].bare
    over_decode = median(done.bare_cpu_s / done.decode_cpu_s for done in rounds)
    row: dict[str, Cell] = {
        "video": path.stem[:24],
        "lines": probe(path).height_px,
        "video_s": round(first.duration_s, 1),
        "sampling": first.sampling,
        "decode_s": median(done.decode_cpu_s for done in rounds),
        "bare_s": median(done.bare_cpu_s for done in rounds),
        "bare/decode": over_decode,
    }
    lives = [done.live for done in rounds if done.live]
    ratios = [done.live_cpu_s / done.bare_cpu_s for done in rounds if done.live]
    if lives:
        copies = rounds[0].copies
        row |= {
            "copies": copies,
            "pipeline_s": median(done.live_cpu_s for done in rounds),
            "pipeline/bare": median(ratios),
            "from-to": f"{min(ratios):.2f}-{max(ratios):.2f}",
            "video_s/core_s": first.duration_s / median(done.live_cpu_s for done in rounds),
            "idle_s": median(spent.idle_cpu_s for spent in lives) / copies,
            "kafka_s": median(spent.kafka_cpu_s for spent in lives) / copies,
        }
    return row | {"verdict": _verdict(path, first.sampling, over_decode, median(ratios) if ratios else 0.0)}


def _verdict(path: Path, sampling: str, over_decode: float, over_bare: float) -> str:
    is_hd = probe(path).height_px == HD_HEIGHT_PX
    aim = KEYFRAME_AIM if sampling == "keyframes" else DECODE_AIM
    misses = [
        *(["pipeline/bare"] if over_bare > KAFKA_AIM else []),
        *(["bare/decode"] if is_hd and over_decode > aim else []),
    ]
    return "missed: " + ", ".join(misses) if misses else "met"


def _report_stages(rounds: Mapping[Path, Sequence[Round]], system: LiveSystem, *, as_json: bool) -> None:
    rows: list[dict[str, Cell]] = []
    for stage in STAGES:
        row: dict[str, Cell] = {"stage": stage.name, "idle_ms/s": 1e3 * system.idle_rates.get(stage.name, 0.0)}
        for path, many in rounds.items():
            live_ms = median(
                1e3 * d.live.cpu_s.get(stage.name, 0.0) / d.copies / d.bare.duration_s for d in many if d.live
            )
            parts = BARE_PART.get(stage.name, ())
            bare_ms = median(1e3 * sum(d.bare.cpu_s[part] for part in parts) / d.bare.duration_s for d in many)
            row[path.stem[:12]] = f"{live_ms:.1f}/{bare_ms:.1f}"
        rows.append(row)
    report("CPU ms a video-second by stage, pipeline/plain loop", rows, as_json=as_json)


def _report_memory(
    spent: Sequence[Spent], resting: Mapping[str, int], highest_bytes: Mapping[str, int], *, as_json: bool
) -> int:
    peaks = {stage.name: max(one.peak_bytes[stage.name] for one in spent) for stage in STAGES}
    rows: list[dict[str, Cell]] = []
    for name, peak in peaks.items():
        most_mb = max(peak, highest_bytes.get(name, 0)) / MB
        rows.append(
            {
                "stage": name,
                "resting_mb": resting.get(name, 0) / MB,
                "peak_mb": peak / MB,
                "highest_mb": highest_bytes.get(name, 0) / MB,
                "limit_mb": WORKER_LIMIT_MB,
                "verdict": "met" if most_mb < WORKER_LIMIT_MB else "missed",
            }
        )
    together_mb = max(one.peak_together_bytes for one in spent) / MB
    rows.append(
        {
            "stage": "all at one time",
            "resting_mb": sum(resting.values()) / MB,
            "peak_mb": together_mb,
            "highest_mb": None,
            "limit_mb": TOGETHER_LIMIT_MB,
            "verdict": "met" if together_mb < TOGETHER_LIMIT_MB else "missed",
        }
    )
    report("memory of the workers, shared pages counted in each", rows, as_json=as_json)
    return int(any(row["verdict"] != "met" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
