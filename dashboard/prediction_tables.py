"""All predictions as a table or as lines of JSON, a few at a time: no more than a page is ever in memory."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

from dashboard.reading import Library
from dashboard.rows import VideoRow
from schemas.codec import encode
from schemas.predictions import VideoScored
from streams.text_safety import harmless_cell

ROWS_A_BLOCK = 200

COLUMNS = (
    "video_id", "title", "channel", "url", "target", "value", "unit", "low", "high", "level", "constant",
    "beats_constant", "probability", "probability_of", "stage", "release_id", "coverage", "calibration_error",
    "modalities_used", "modalities_missing", "suggestions", "caveats",
)  # fmt: skip


def csv_blocks(library: Library, predictions: Iterable[VideoScored]) -> Iterator[bytes]:
    """Write predictions as CSV with the title of each video; cells that would be formulas get an apostrophe."""
    yield _lines([COLUMNS])
    for block in _blocks(predictions):
        rows = {row.video_id: row for row in library.rows({scored.video_id for scored in block})}
        yield _lines(_cells(scored, rows.get(scored.video_id)) for scored in block)


def json_lines(predictions: Iterable[VideoScored]) -> Iterator[bytes]:
    """Write each prediction as the event it is, one a line."""
    for block in _blocks(predictions):
        yield b"".join(encode(scored) + b"\n" for scored in block)


def _blocks(predictions: Iterable[VideoScored]) -> Iterator[list[VideoScored]]:
    waiting = iter(predictions)
    while block := list(islice(waiting, ROWS_A_BLOCK)):
        yield block


def _cells(scored: VideoScored, row: VideoRow | None) -> list[object]:
    known = {"title": row.title, "channel": row.channel, "url": row.url} if row else {}
    interval = {"low": scored.interval.low, "high": scored.interval.high, "level": scored.interval.level}
    lists = {
        "modalities_used": ", ".join(scored.modalities_used),
        "modalities_missing": "; ".join(f"{name}: {why}" for name, why in sorted(scored.modalities_missing.items())),
        "suggestions": " | ".join(scored.suggestions),
        "caveats": " | ".join(scored.caveats),
    }
    said = known | interval | lists
    return [said.get(name, getattr(scored, name, "")) for name in COLUMNS]


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # Source: RFC 4180
    for row in rows:
        writer.writerow(["" if cell is None else harmless_cell(cell) for cell in row])
    return out.getvalue().encode()
