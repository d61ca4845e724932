"""Does a feature event cost less than 10 us to write and to read? ``python -m benchmarks.codec``

The peer is plain msgspec on the same bytes, without our types: what JSON itself costs here and now.
"""

import argparse
import math
import struct
import sys
import timeit
from collections.abc import Callable

import msgspec

from benchmarks.report import Cell, report
from schemas.codec import decode, encode
from schemas.event import derive_id
from schemas.features import FeatureExtracted, Vector

DIM = 384
LIMIT_US = 10.0
_ROUNDS = 30
_CALLS = 2000


def feature() -> FeatureExtracted:
    """Make an event as the text stage does: one segment's embedding."""
    entries = (math.sin(1 + i * 0.7) / math.sqrt(DIM / 2) for i in range(DIM))
    return FeatureExtracted(
        event_id=derive_id("text", "1", "codec"),
        video_id="youtube:dQw4w9WgXcQ",
        revision="9f2c61d0b7a84e35",
        scope="7",
        modality="text",
        model="all-MiniLM-L6-v2",
        model_version="1",
        vector=Vector(dim=DIM, dtype="float32", data=struct.pack(f"<{DIM}f", *entries)),
        numbers={"words": 23.0},
    )


def best_us(call: Callable[[], object]) -> float:
    """Time one call: the best of many rounds, since everything else on the machine only adds."""
    return min(timeit.repeat(call, number=_CALLS, repeat=_ROUNDS)) / _CALLS * 1e6


def main() -> int:
    """Measure both ways and report; 1 when one of them is over the limit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    as_json = options.parse_args().json
    event = feature()
    value = encode(event)
    plain = msgspec.json.decode(value)
    measured = {
        "encode": (best_us(lambda: encode(event)), best_us(lambda: msgspec.json.encode(plain))),
        "decode": (best_us(lambda: decode(value, (FeatureExtracted,))), best_us(lambda: msgspec.json.decode(value))),
    }
    rows: list[dict[str, Cell]] = [
        {
            "what": what,
            "us_per_event": ours_us,
            "limit_us": LIMIT_US,
            "times_limit": ours_us / LIMIT_US,
            "times_plain_json": ours_us / plain_us,
            "value_bytes": len(value),
        }
        for what, (ours_us, plain_us) in measured.items()
    ]
    report(f"codec: one FeatureExtracted of {DIM} float32", rows, as_json=as_json)
    return int(any(ours_us > LIMIT_US for ours_us, _plain_us in measured.values()))


if __name__ == "__main__":
    sys.exit(main())
