"""Small releases and tables for tests: fitted for real, on made-up videos whose outcome is known."""

import csv
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import runs
from first_format import Learned, Lesson, learn

from models.layout import vectorise
from models.layout_choice import layout_for
from models.pooling import add, pool_one
from models.release import Manifest, Release, save
from models.vectors import to_vector
from schemas.event import Event
from schemas.features import FeatureExtracted
from schemas.media import MediaFetched, Metadata
from schemas.summaries import Summarised

DIM = 8
CATEGORIES = ("Music", "Comedy", "Sports")


def summary(number: int, **changes) -> Summarised:
    """A final summary of a made-up video."""
    random = np.random.default_rng(number)
    segments = [pool_one(random.normal(size=DIM) / 3) for _ in range(3)]
    metadata = Metadata(
        title="Look! " * int(random.integers(1, 6)) + f"number {number}?",
        channel=f"channel {number % 40}",
        category=CATEGORIES[number % 3],
        tags=tuple(f"tag{i}" for i in range(number % 5)),
        uploaded_at_s=1.6e9 + 3600.0 * number,
    )
    given = {
        "event_id": runs.event_id("summary", number),
        "video_id": f"url:v{number}",
        "revision": runs.revision(str(number)),
        "scope": "video",
        "complete": True,
        "final": True,
        "pooled": {
            "segments/text": add(add(*segments[:2]), segments[2]),
            "video/text": pool_one(random.normal(size=DIM) / 3),
        },
        "numbers": {"duration_s": 10.0 + number % 50, "words": 5.0 * (number % 7), "words_per_minute": 90.0},
        "metadata": metadata,
    }
    return Summarised(**given | changes)


def lesson(count: int = 240, *, signal: float = 1.0, noise: float = 0.5) -> Lesson:
    """Rows whose truth is a line through title length and two directions of the title's vector, plus noise."""
    summaries = [summary(number) for number in range(count)]
    layout = layout_for(summaries)
    table = vectorise(summaries, layout)
    random = np.random.default_rng(7)
    titles = np.array([len(s.metadata.title) for s in summaries])
    first = np.flatnonzero(layout.owners == [b.name for b in layout.blocks].index("video/text"))[:2]
    truth = signal * (table.values[:, first].sum(axis=1) * 3 + (titles - titles.mean()) / 10)
    truth = 50 + 10 * (truth + noise * random.normal(size=count))
    groups = np.unique([s.metadata.channel for s in summaries], return_inverse=True)[1]
    return Lesson(table, layout, truth, groups, float(np.quantile(truth, 0.8)))


def release(release_id: str = "r1", *, target: str = "virality", trained_at_s: float = 1.0, **changes) -> Release:
    """A release fitted on `lesson`."""
    taught, learned = _learned()
    manifest = {
        "format": 1,
        "target": target,
        "release_id": release_id,
        "kind": "regression",
        "estimator": "ridge",
        "unit": "percentile of views",
        "layout": taught.layout,
        "intercept": learned.ridge.intercept,
        "constant": learned.ridge.intercept,
        "level": 0.9,
        "interval_low": learned.errors.low,
        "interval_high": learned.errors.high,
        "trained_at_s": trained_at_s,
        "rows": len(taught.target),
        "beats_constant": learned.beats_constant,
        "files": (),
        "limits": (0.0, 100.0),
        "threshold": taught.threshold,
        "probability_of": "among the best fifth",
        "metrics": learned.metrics,
        "caveats": ("made up",),
    }
    return Release(Manifest(**manifest | changes), learned.ridge, learned.errors, "# made up\n")


@cache
def _learned() -> tuple[Lesson, Learned]:
    taught = lesson()
    return taught, learn(taught)


def release_folder(folder: Path, release_id: str = "r1", **changes) -> Path:
    """The same on disk."""
    save(release(release_id, **changes), folder)
    return folder


class HashedWords:
    """A text stage that needs no network: each word adds one to a place that its hash names."""

    version = "hashed"

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        return [[self._feature(event)] for event in events if isinstance(event, MediaFetched)]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        return []

    def _feature(self, event: MediaFetched) -> FeatureExtracted:
        places = np.full(32, 0.01)
        for word in f"{event.metadata.title} {event.metadata.description}".lower().split():
            places[hashlib.sha256(word.encode()).digest()[0] % 32] += 1
        return FeatureExtracted(
            event_id=runs.event_id("words", event.event_id),
            video_id=event.video_id,
            revision=event.revision,
            scope="video",
            modality="text",
            model="hashed",
            model_version="1",
            vector=to_vector(places / np.linalg.norm(places)),
        )


def write_table(path: Path, *, rows: int = 400, learnable: bool = True) -> Path:
    """A table in which videos about cats are seen more, or in which nothing decides."""
    random = np.random.default_rng(3)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["video_id", "title", "channel_title", "category_id", "tags", "views", "likes", "date"])
        for number in range(rows):
            cat = bool(random.integers(2))
            views = int(10 ** (4 + (learnable and cat) + random.normal() / 3))
            title = f"{'My cat' if cat else 'A tax form'} number {number}"
            likes = views // (10 if cat else 100)
            writer.writerow([f"id{number}", title, f"channel {number % 60}", "24", "a|b", views, likes, "13.09"])
    return path
