"""How many rows of a table become events a second, beside only reading the file?

A made-up trending table (one row a video a day, with titles and tags) is read and becomes encoded
events, as `groundswell import outcomes` does; with ``--kafka`` they are also sent to an embedded
Kafka and confirmed. Seconds are CPU seconds of this process (the Kafka client's threads included,
the broker not), so that busy neighbours do not show.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.cpu_time import cpu_s
from benchmarks.report import report
from schemas.codec import encode
from schemas.event import Event
from streams.imports.columns import guess
from streams.imports.importing import Fetched, Imported, RowsToEvents, bring_in
from streams.imports.rows import Reading
from streams.imports.tables import Line, open_table
from streams.imports.video_ids import VideoIds

AIM_ROWS_A_SECOND = 5000
LARGEST_RATIO = {"csv module alone": 1.0, "rows to encoded events": 60.0, "to Kafka, confirmed": 110.0}
"""CPU against the csv module alone, which is written in C and makes nothing of what it reads."""

DAYS = 5
WORDS = ("tea", "boat", "kettle", "slow", "harbour", "winter", "ninety", "paper", "signal", "garden")
HEADINGS = (
    "video_id", "title", "channel_title", "category_id", "tags", "views", "likes", "dislikes", "comment_total", "date",
)  # fmt: skip


def main() -> int:
    """Measure and print; 1 when a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--kafka", action="store_true", help="also send to an embedded Kafka")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = _write(Path(folder) / "videos.csv", given.rows)
        reading_s = cpu_s(lambda: _only_read(path))
        seconds = {"csv module alone": reading_s, "rows to encoded events": cpu_s(lambda: _import(path, _encoded))}
        if given.kafka:
            seconds["to Kafka, confirmed"] = _kafka_s(path, Path(folder))
    rows = [_row(what, given.rows / taken_s, taken_s / reading_s) for what, taken_s in seconds.items()]
    report("importing outcomes", rows, as_json=given.json)
    return int(any(taken_s / reading_s > LARGEST_RATIO[what] for what, taken_s in seconds.items()))


def _row(what: str, rows_per_second: float, ratio: float) -> dict[str, str | float]:
    return {
        "what": what,
        "rows_per_second": rows_per_second,
        "aim_rows_per_second": float(AIM_ROWS_A_SECOND),
        "ratio_to_reading": ratio,
        "largest_ratio": LARGEST_RATIO[what],
    }


def _encoded(event: Event) -> None:
    encode(event)


def _write(path: Path, rows: int) -> Path:
    random = Random(5)  # a made-up table
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        writer.writerows(_lines(rows, random))
    return path


def _lines(rows: int, random: Random) -> Iterator[tuple[object, ...]]:
    for number in range(rows):
        day, video = divmod(number, max(rows // DAYS, 1))
        title = " ".join(WORDS[(video * 7 + place) % 10] for place in range(8))
        views = random.randrange(10**6)
        yield (
            f"v{video:010d}", f"{title} {video}", f"channel {video % 997}", "24", "|".join(WORDS), views, views // 30,
            views // 900, views // 200, f"{13 + day}.09",
        )  # fmt: skip


def _only_read(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for _row_of_cells in csv.reader(file):
            pass


def _import(path: Path, send: Callable[[Event], None]) -> None:
    with open_table(path) as table:
        first: list[Line] = [next(table.lines)]
        names = guess(table.headings, [line.cells for line in first])
        reader = RowsToEvents(Reading(names=names, ids=VideoIds({}), year=2017), Fetched())
        bring_in(table.lines, reader, send, counts=Imported())


def _kafka_s(path: Path, folder: Path) -> float:
    from streams.kafka.admin import create_missing
    from streams.kafka.broker import EmbeddedBroker
    from streams.kafka.bulk import BulkProducer
    from streams.settings import Settings, load

    with EmbeddedBroker(folder, load().cache_folder) as broker:
        settings = Settings(home=folder, kafka=broker.bootstrap)
        create_missing(settings, broker.bootstrap)

        def send_all() -> None:
            with BulkProducer(settings, broker.bootstrap) as producer:
                _import(path, producer.send)

        return cpu_s(send_all)


if __name__ == "__main__":
    sys.exit(main())
