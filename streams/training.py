"""Learning a target from a table: the rows go through the live stages, so there is no second feature code."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from models.layout import vectorise
from models.learning import SUCCESS_QUANTILE, Learned, Lesson, layout_for, learn
from models.release import Manifest, Release, save
from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.ports import Options
from processors.stage import Transform
from schemas.errors import TrainingImpossible
from schemas.event import WHOLE_VIDEO, Event, derive_id
from schemas.media import MediaFetched
from schemas.segments import VideoSegmented
from schemas.summaries import Summarised
from streams.targets import Target, find_target, usable
from streams.training_card import card_of, caveats_of
from streams.training_table import VideoRow, read_table

MIN_ROWS = 100
"""With fewer rows most draws do no better than the constant."""

BATCH_ROWS = 32


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to train, from what, and under which name.

    Attributes
    ----------
    source : str
        Where the rows come from, in words for the card.
    now_s : float
        Seconds since the epoch, UTC.
    """

    target: str
    release_id: str
    source: str
    now_s: float


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """What came out of a training run, for people to read and for `publish` to decide.

    `metrics` are on groups that were held out; see `models.learning.measure` for their names.
    """

    target: str
    release_id: str
    rows: int
    groups: int
    columns: int
    metrics: dict[str, float]
    beats_constant: bool
    folder: Path


def train(
    order: Order,
    table: Path,
    folder: Path,
    *,
    text: Transform,
    force: bool = False,
    on_row: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingReport:
    """Learn a target from a table, and write the release into `folder` if it is worth publishing.

    Parameters
    ----------
    table : Path
        CSV or TSV, gzipped or not; see `read_table` for its columns.
    text : Transform
        The live text stage.
    force : bool
        Write the release even if it does no better than the constant.
    on_row : callable
        Hears how many of the rows have been read so far.

    Raises
    ------
    TrainingImpossible
        Columns, rows or groups are missing; or the release does not beat the constant with 90 % confidence.
    """
    target = find_target(order.target)
    rows = usable(read_table(table), target)
    if len(rows) < MIN_ROWS:
        raise TrainingImpossible(f"expected at least {MIN_ROWS} videos with {target.columns}, got {len(rows)}")
    summaries = summarise_rows(rows, text, on_row=on_row)
    lesson = lesson_of(rows, summaries, target)
    learned = learn(lesson)
    report = _report(order, lesson, learned, folder)
    if not learned.beats_constant and not force:
        raise TrainingImpossible(_too_weak(report))
    save(_release(order, target, lesson=lesson, learned=learned, text=text), folder)
    return report


def summarise_rows(
    rows: Sequence[VideoRow], text: Transform, *, on_row: Callable[[int, int], None] = lambda done, total: None
) -> list[Summarised]:
    """Send rows through the live text and assemble stages; one final summary for each, in their order."""
    assemble = FoldInMemory(AssembleProcessor(Options(modalities=("text",))))
    final: dict[str, Summarised] = {}
    for first in range(0, len(rows), BATCH_ROWS):
        for event in assemble.feed(_features(rows[first : first + BATCH_ROWS], text)):
            if isinstance(event, Summarised) and event.scope == WHOLE_VIDEO:
                final[event.video_id] = event
        on_row(min(first + BATCH_ROWS, len(rows)), len(rows))
    return [final[row.video_id] for row in rows]


def lesson_of(rows: Sequence[VideoRow], summaries: Sequence[Summarised], target: Target) -> Lesson:
    """Lay rows out for learning, with channels as groups."""
    layout = layout_for(summaries)
    truth = target.measure(rows)
    groups = np.unique([row.group for row in rows], return_inverse=True)[1]
    threshold = float(np.quantile(truth, SUCCESS_QUANTILE))
    return Lesson(vectorise(summaries, layout), layout, truth, groups, threshold)


def _features(rows: Sequence[VideoRow], text: Transform) -> Iterator[Event]:
    fetched = [media_of(row) for row in rows]
    read = text.transform(fetched)
    for event, answers in zip(fetched, read, strict=True):
        yield event
        yield VideoSegmented(
            event_id=derive_id("training", "1", event.event_id, "count"),
            video_id=event.video_id,
            revision=event.revision,
            count=0,
            sampling="none",
        )
        yield from answers


def media_of(row: VideoRow) -> MediaFetched:
    """Say of a row what a fetch would say of a video that is known by its metadata only."""
    sha256 = hashlib.sha256(msgspec.json.encode(row.metadata, order="deterministic")).hexdigest()
    return MediaFetched(
        event_id=derive_id("training", "1", f"{row.video_id}/{sha256}"),
        video_id=row.video_id,
        submission_id="training",
        revision=sha256[:16],
        sha256=sha256,
        duration_s=row.duration_s,
        metadata=row.metadata,
    )


def _report(order: Order, lesson: Lesson, learned: Learned, folder: Path) -> TrainingReport:
    return TrainingReport(
        target=order.target,
        release_id=order.release_id,
        rows=len(lesson.target),
        groups=len(np.unique(lesson.groups)),
        columns=lesson.layout.columns,
        metrics=learned.metrics,
        beats_constant=learned.beats_constant,
        folder=folder,
    )


def _too_weak(report: TrainingReport) -> str:
    figures = report.metrics
    return (
        f"on unseen groups the error is {figures['mse']:.4g} and the constant's {figures['mse_constant']:.4g} "
        f"(R2 {figures['r2_low']:.3f} to {figures['r2_high']:.3f} with 90 % confidence): no better than saying the "
        "same for every video. Bring more rows, or publish it all the same with --force."
    )


def _release(order: Order, target: Target, *, lesson: Lesson, learned: Learned, text: Transform) -> Release:
    groups = len(np.unique(lesson.groups))
    manifest = Manifest(
        format=1,
        target=order.target,
        release_id=order.release_id,
        kind="regression",
        estimator="ridge",
        unit=target.unit,
        layout=lesson.layout,
        intercept=learned.ridge.intercept,
        constant=learned.ridge.intercept,
        level=learned.errors.level,
        interval_low=learned.errors.low,
        interval_high=learned.errors.high,
        trained_at_s=order.now_s,
        rows=len(lesson.target),
        beats_constant=learned.beats_constant,
        files=(),
        penalty=learned.penalty,
        limits=target.limits,
        threshold=lesson.threshold,
        probability_of=target.success,
        training={"source": order.source, "groups": str(groups), "split": "5 folds of whole groups"},
        metrics=learned.metrics,
        stages={"text": text.version, "assemble": AssembleProcessor.version},
        caveats=caveats_of(order.source, learned.metrics),
    )
    return Release(manifest, learned.ridge, learned.errors, card_of(manifest))
