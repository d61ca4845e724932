"""What does the text stage cost beside the network alone, and how fast does it load?

    python -m benchmarks.text [--json] [--load]

The same words go through `TextProcessor.transform`, through the network alone in the batches our encoder
chose, and through the network alone in every other layout that was tried; all in CPU time of one process, in turns.
``--load`` measures a worker's start instead: imports, network, first vector.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from benchmarks.cpu_time import cpu_s, in_turns
from benchmarks.report import Cell, report
from models import backend
from models.minilm_graph import NETWORK_FILE
from models.text import MAX_WINDOWS, TextEncoder, Window, batches
from processors.text import TextProcessor
from schemas.event import derive_id
from schemas.segments import SegmentCut
from streams.storage.weights import WeightsCache

BATCH_EVENTS = 32
BATCHES = 8
LIMIT = 1.2
STARTS = 5
ROOT = Path(__file__).parents[1]
WORDS_PER_S = 2.5
VOCABULARY = [
    "we",
    "the",
    "of",
    "it",
    "to",
    "and",
    "that",
    "in",
    "so",
    "this",
    "you",
    "on",
    "was",
    "for",
    "really",
    "water",
    "engine",
    "morning",
    "little",
    "because",
    "look",
    "through",
    "here",
    "comes",
    "another",
    "wheel",
    "without",
    "noise",
    "around",
    "seventeen",
    "kilometres",
    "astronaut",
    "unbelievable",
    "microphone",
]

Inputs = dict[str, NDArray[np.int64]]

START = """
import sys, time
from pathlib import Path
started_s = time.perf_counter()
from models.text import TextEncoder
encoder = TextEncoder.load(Path(sys.argv[1]))
encoder.encode(["the first vector"])
print(time.perf_counter() - started_s, time.process_time())
"""
START_WITH_OPENVINO_CACHE = """
import sys, time
started_s = time.perf_counter()
import numpy, openvino, tokenizers
tokenizers.Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "CACHE_DIR": sys.argv[2]}
request = openvino.Core().compile_model(sys.argv[1] + "/minilm.xml", "CPU", options).create_infer_request()
request.infer([numpy.ones((1, 8), numpy.int64)] * 2)
print(time.perf_counter() - started_s, time.process_time())
"""


def main() -> int:
    """Measure and report; 1 when the stage costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--load", action="store_true")
    asked = parser.parse_args()
    cache = Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell")))
    folder = WeightsCache(cache).fetch("minilm")
    if asked.load:
        report("how fast does a text worker's network load?", _load_rows(folder), as_json=asked.json)
        return 0
    rows, worst_ratio = _cost_rows(folder)
    report("what does the text stage cost beside its network?", rows, as_json=asked.json)
    return int(worst_ratio > LIMIT)


def _cost_rows(folder: Path) -> tuple[list[dict[str, Cell]], float]:
    encoder, network = TextEncoder.load(folder), backend.load(folder / NETWORK_FILE)
    processor, lots = TextProcessor(encoder), [_segments(seed) for seed in range(BATCHES)]
    windows = [encoder.windows([segment.text for segment in lot]) for lot in lots]
    ways: dict[str, Callable[[], object]] = {
        "TextProcessor.transform": lambda: [processor.transform(lot) for lot in lots],
        "network, our batches": _bare(network, [_ours(w) for w in windows]),
        "network, one by one": _bare(network, [_sorted_by(w, rows=1) for w in windows]),
    }
    for n_rows in (2, 4, 8, 16, 32):
        ways[f"network, sorted by length, {n_rows} rows"] = _bare(
            network, [_sorted_by(w, rows=n_rows) for w in windows]
        )
    first_s = cpu_s(ways["TextProcessor.transform"])
    spent_s = in_turns(ways)
    whole_s, best_s = spent_s["TextProcessor.transform"], min(s for way, s in spent_s.items() if "network" in way)
    rows = [
        *(_row(way, seconds, whole_s / seconds) for way, seconds in spent_s.items()),
        _row("TextProcessor.transform, first time (new shapes)", first_s, whole_s / first_s),
        _row(f"limit {LIMIT}: transform over the best of these", best_s, whole_s / best_s),
        _longest(encoder),
    ]
    return rows, whole_s / best_s


def _row(what: str, seconds: float, ratio: float) -> dict[str, Cell]:
    return {"what": what, "cpu_ms_per_segment": seconds * 1e3 / (BATCH_EVENTS * BATCHES), "transform_over_this": ratio}


def _longest(encoder: TextEncoder) -> dict[str, Cell]:
    """A batch of the longest texts must stay under the stage's longest step; one text is timed."""
    text = "unbelievable engine noise " * 4000
    assert len(encoder.windows([text])) == MAX_WINDOWS
    seconds = cpu_s(lambda: encoder.encode([text])) * BATCH_EVENTS
    return {"what": f"a batch of endless texts, {seconds:.0f} s (limit 60 s)", "cpu_ms_per_segment": seconds * 1e3 / 32}


def _segments(seed: int) -> list[SegmentCut]:
    """Segments of 2-10 s in which somebody talks about as fast as people do."""
    chance = random.Random(seed)
    return [_segment(seed, index, chance) for index in range(BATCH_EVENTS)]


def _segment(seed: int, index: int, chance: random.Random) -> SegmentCut:
    duration_s = chance.uniform(2, 10)
    count = max(round(duration_s * chance.gauss(WORDS_PER_S, 0.8)), 1)
    return SegmentCut(
        event_id=derive_id("benchmark", "1", str(seed), index),
        video_id=f"file:{seed}",
        revision="0" * 16,
        index=index,
        count=BATCH_EVENTS,
        start_s=0.0,
        end_s=duration_s,
        text=" ".join(chance.choices(VOCABULARY, k=count)),
    )


def _ours(windows: Sequence[Window]) -> list[Inputs]:
    return [
        _inputs([windows[i] for i in batch], n_tokens=windows[batch[0]].padded_tokens) for batch in batches(windows)
    ]


def _sorted_by(windows: Sequence[Window], *, rows: int) -> list[Inputs]:
    in_order = sorted(windows, key=lambda window: len(window.ids))
    groups = [in_order[start : start + rows] for start in range(0, len(in_order), rows)]
    return [_inputs(group, n_tokens=len(group[-1].ids)) for group in groups]


def _inputs(windows: Sequence[Window], *, n_tokens: int) -> Inputs:
    ids = np.zeros((len(windows), n_tokens), np.int64)
    mask = np.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window.ids)], mask[row, : len(window.ids)] = window.ids, 1
    return {"input_ids": ids, "attention_mask": mask}


def _bare(network: backend.Network, lots: Sequence[Sequence[Inputs]]) -> Callable[[], object]:
    return lambda: [network.infer(inputs) for lot in lots for inputs in lot]


def _load_rows(folder: Path) -> list[dict[str, Cell]]:
    with tempfile.TemporaryDirectory() as openvino_cache:
        ways = {
            "imports, network, first vector": (START, str(folder)),
            "the same with OpenVINO's own cache": (START_WITH_OPENVINO_CACHE, str(folder), openvino_cache),
        }
        runs = [{way: _start(*program) for way, program in ways.items()} for _ in range(STARTS)]
        rows = [_load_row(way, [run[way] for run in runs]) for way in ways]
        cached_bytes = sum(path.stat().st_size for path in Path(openvino_cache).iterdir())
    rows.append({"what": f"OpenVINO's own cache holds {cached_bytes / 1e6:.0f} MB"})
    return rows + [_load_row(way, [_timed(check)]) for way, check in _checks(folder).items()]


def _load_row(what: str, spent: Sequence[tuple[float, float]]) -> dict[str, Cell]:
    """The least of each: everything else on the machine can only add."""
    return {"what": what, "wall_s": min(wall for wall, _ in spent), "cpu_s": min(cpu for _, cpu in spent)}


def _checks(folder: Path) -> dict[str, Callable[[], object]]:
    cache = WeightsCache(folder.parents[2])
    return {"quick check of the files": lambda: cache.folder("minilm"), "hash": lambda: cache.verify("minilm")}


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    started_s = time.perf_counter()
    spent_s = cpu_s(work)
    return time.perf_counter() - started_s, spent_s


def _start(program: str, *arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of a fresh process."""
    command = [sys.executable, "-c", program, *arguments]
    wall_s, spent_s = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.split()
    return float(wall_s), float(spent_s)


if __name__ == "__main__":
    sys.exit(main())
