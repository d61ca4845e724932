"""Summaries as rows to learn from: read twice, once to see what there is, once to fill one array in place."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from models.comparables import TOPIC_BLOCKS, Facets, facets_of
from models.early_series import early_names, window_of
from models.estimators.examples import Examples, Floats, Groups
from models.estimators.from_summaries import all_words
from models.estimators.words import MAX_CHARACTERS, Text
from models.layout import Layout, Table, modality_of, named_numbers, vectorise
from models.layout_choice import layout_of
from models.levers import LEVERS, UNKNOWN
from models.target_values import bars, group_of, measured, raw_value, scaled
from models.taught_on import MadeBy, TaughtOn, made_by, taught_on
from schemas.errors import TrainingImpossible
from schemas.event import VideoId
from schemas.media import Metadata
from schemas.summaries import Summarised
from schemas.targets import Measure, TargetDefined
from streams.training_source import Source

MIN_ROWS = 100
"""With fewer rows most draws do no better than the constant."""

MOST_ROWS = 30_000
MOST_NUMBERS = 60_000_000
"""Of more examples a fixed part is learned from: so many rows, and so many numbers in them, keep training under 4 GB."""

BATCH = 256

Read = Callable[[int], None]
Names = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Fact:
    """What a report says of one example."""

    video_id: VideoId
    title: str
    maker: str


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Examples with the truth about them, in the order of their ids.

    Attributes
    ----------
    measure : Measure
        The one of the target's measures that most examples have counts for.
    reference : array, shape (any,)
        Raw values of all that were measured, also of those that are not learned from: percentiles are of these.
    bars : mapping
        Of a probability: what it takes to be among the best, see `models.target_values.bars`.
    groups : array, shape (n,)
    moments : array, shape (n,)
        When each was published, seconds since the epoch, UTC; NaN where nobody knows.
    found : int
        Final summaries there are, with and without a truth.
    newest_s : float
        When the last of them was written, seconds since the epoch, UTC: what comes of the same topics says the same.
    taught_on : mapping
        Versions of the models that made the examples, see `models.taught_on`.
    """

    examples: Examples
    truth: Floats
    groups: Groups
    moments: Floats
    facts: tuple[Fact, ...]
    measure: Measure
    reference: Floats
    bars: Mapping[str, float]
    found: int
    newest_s: float
    taught_on: TaughtOn = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    """One video after the first reading: all but its numbers and words."""

    slim: Summarised
    names: Names
    made_by: MadeBy


class _FirstReading:
    """Keeps of each video what its truth and the layout depend on."""

    def __init__(self, source: Source, target: TargetDefined) -> None:
        self._source, self._window = source, window_of(target)
        self._names: dict[Names, Names] = {}
        self._made_by: dict[MadeBy, MadeBy] = {}
        self.newest_s = 0.0

    def read(self, on_read: Read) -> dict[VideoId, _Known]:
        known: dict[VideoId, _Known] = {}
        for number, change in enumerate(self._source.changes(), 1):
            if change.summary is None:
                known.pop(change.video_id, None)
            else:
                known[change.video_id] = self._known(change.summary)
            self.newest_s = max(self.newest_s, change.written_s)
            on_read(number)
        return dict(sorted(known.items()))

    def _known(self, summary: Summarised) -> _Known:
        names = (
            *((name, pooled.dim) for name, pooled in sorted(summary.pooled.items())),
            *((name, 1) for name in sorted(named_numbers(summary))),
            *((name, 1) for name in (early_names(self._window, summary.outcomes) if self._window else ())),
        )
        versions = made_by(summary)
        return _Known(
            self._slim(summary),
            self._names.setdefault(names, names),
            self._made_by.setdefault(versions, versions),
        )

    def _slim(self, summary: Summarised) -> Summarised:
        said = summary.metadata
        kept = Metadata(
            title=said.title,
            channel=said.channel,
            channel_id=said.channel_id,
            category=said.category,
            uploaded_at_s=said.uploaded_at_s,
        )
        later = self._source.outcomes.get(summary.video_id, {})
        outcomes = {o.record_key: o for o in summary.outcomes} | dict(later)
        return Summarised(
            event_id="",
            video_id=summary.video_id,
            revision=summary.revision,
            scope=summary.scope,
            complete=summary.complete,
            final=summary.final,
            metadata=kept,
            outcomes=tuple(outcomes[key] for key in sorted(outcomes)),
        )


def rows_of(
    source: Source, target: TargetDefined, *, minimum: int = MIN_ROWS, on_read: Read = lambda count: None
) -> Rows:
    """Find the examples of a target, choose what to read of them, and lay them out.

    Parameters
    ----------
    minimum : int
        Examples that it takes at least.
    on_read : callable
        Hears how many summaries have been read.

    Raises
    ------
    TrainingImpossible
        Too few examples, or nothing in them to learn from.
    """
    reading = _FirstReading(source, target)
    known = reading.read(on_read)
    slim = [one.slim for one in known.values()]
    truth, measure, chosen = _measured(target, slim, minimum=minimum)
    everything = [one for one, usable in zip(known.values(), chosen, strict=True) if usable]
    layout = layout_of(Counter(name for one in everything for name in one.names), rows=len(everything))
    learned = _thinned(_fitting(everything, layout), most=most_rows(layout))
    values = dict(zip((one.slim.video_id for one in everything), truth[chosen].tolist(), strict=True))
    reference = raw_values(target, measure, [one.slim for one in everything])
    rows = Rows(
        examples=_laid_out(source, [one.slim.video_id for one in learned], layout, on_read=on_read),
        truth=np.array([values[one.slim.video_id] for one in learned], np.float64),
        groups=_groups(learned),
        moments=_moments(learned),
        facts=tuple(_fact(one.slim) for one in learned),
        measure=measure,
        reference=reference,
        bars=_bars(target, reference, everything),
        found=len(known),
        newest_s=reading.newest_s,
        taught_on=taught_on((one.made_by for one in learned), map(modality_of, layout.blocks)),
    )
    return _without_vanished(rows)


def rows_like(source: Source, target: TargetDefined, like: Rows, *, on_read: Read = lambda count: None) -> Rows:
    """Lay out examples that others were learned from: the same columns, the same measure, none of the same videos.

    Raises
    ------
    TrainingImpossible
        Not one of them can be judged on.
    """
    reading = _FirstReading(source, target)
    known = reading.read(on_read)
    taught = {fact.video_id for fact in like.facts}
    fresh = [one for name, one in known.items() if name not in taught]
    slim = [one.slim for one in fresh]
    truth = truth_like(target, like, slim)
    usable = ~np.isnan(truth)
    if not usable.any():
        raise TrainingImpossible(
            f"none of the {len(known)} videos to be judged on can be measured by {like.measure.name} "
            f"and was not learned from; {target.name} was learned that way"
        )
    judged = [one for one, usable in zip(fresh, usable, strict=True) if usable]
    return Rows(
        examples=_laid_out(source, [o.slim.video_id for o in judged], like.examples.layout, on_read=on_read),
        truth=truth[usable],
        groups=_groups(judged),
        moments=_moments(judged),
        facts=tuple(_fact(one.slim) for one in judged),
        measure=like.measure,
        reference=like.reference,
        bars=like.bars,
        found=len(known),
        newest_s=reading.newest_s,
    )


def topic_block(rows: Rows) -> str | None:
    """The vector that says what most of the videos are about; None where no video has any."""
    present = dict(zip(rows.examples.part_names, rows.examples.table.present.sum(axis=0).tolist(), strict=False))
    found = [name for name in TOPIC_BLOCKS if present.get(name)]
    return max(found, key=lambda name: present[name]) if found else None


def facets_like(source: Source, rows: Rows, block: str, *, on_read: Read = lambda count: None) -> Facets:
    """Read once more what of each example is compared with later videos; see `Facets`."""
    places = {fact.video_id: place for place, fact in enumerate(rows.facts)}
    size = next(one.size for one in rows.examples.layout.blocks if one.name == block)
    topics = np.zeros((len(places), size), np.int8)
    choices = np.full((len(places), len(LEVERS)), UNKNOWN, np.int8)
    categories = [""] * len(places)
    for batch in _batches(source, places, on_read):
        part, into = facets_of(batch, block), [places[summary.video_id] for summary in batch]
        choices[into] = part.choices
        if part.topics.shape[1] == size:
            topics[into] = part.topics
        for place, category in zip(into, part.categories, strict=True):
            categories[place] = category
    return Facets(topics, choices, tuple(categories))


def truth_like(target: TargetDefined, like: Rows, slim: Sequence[Summarised]) -> Floats:
    """The truth by the same measure, a percentile being one of the same examples; NaN where nobody counted."""
    if target.kind == "probability":
        return measured(target, slim, by=like.measure.name).values
    return scaled(like.measure, raw_values(target, like.measure, slim), reference=like.reference)


def raw_values(target: TargetDefined, measure: Measure, slim: Sequence[Summarised]) -> Floats:
    """Values before any scale, shape (n,)."""
    return np.array([raw_value(target, measure, one) for one in slim], np.float64)


def most_rows(layout: Layout) -> int:
    """How many rows of a layout are learned from at most."""
    return min(MOST_ROWS, MOST_NUMBERS // max(layout.columns, 1))


def _measured(
    target: TargetDefined, slim: Sequence[Summarised], *, minimum: int
) -> tuple[Floats, Measure, NDArray[np.bool_]]:
    found = measured(target, slim) if slim else None
    count = int(found.usable.sum()) if found else 0
    if found is None or count < minimum:
        ways = ", ".join(f"{m.name} ({m.formula.replace('_', ' ')})" for m in target.measures)
        raise TrainingImpossible(
            f"expected at least {minimum} videos of which it is known how they did, got {count} (of {len(slim)} in "
            f"all); {target.name} is measured by {ways}: `groundswell import outcomes FILE` brings counts in"
        )
    return found.values, found.measure, found.usable


def _bars(target: TargetDefined, raw: Floats, everything: Sequence[_Known]) -> dict[str, float]:
    return bars(target, raw, [one.slim.metadata.category for one in everything]) if target.kind == "probability" else {}


def _fitting(everything: Sequence[_Known], layout: Layout) -> list[_Known]:
    """Those whose vectors were made by the networks that made most; others cannot be compared with them."""
    sizes = {block.name: block.size for block in layout.blocks}
    return [one for one in everything if all(sizes.get(name, size) == size for name, size in one.names)]


def _thinned(everything: Sequence[_Known], *, most: int) -> list[_Known]:
    """The same part whatever the order of arrival: those with the smallest hashes, in the order of their ids."""
    if len(everything) <= most:
        return list(everything)
    by_hash = sorted(everything, key=lambda one: hashlib.sha256(one.slim.video_id.encode()).digest())
    return sorted(by_hash[:most], key=lambda one: one.slim.video_id)


def _laid_out(source: Source, ids: Sequence[VideoId], layout: Layout, *, on_read: Read) -> Examples:
    """Read again, each summary into its row; a row whose video has vanished meanwhile has nothing present."""
    places = {video_id: place for place, video_id in enumerate(ids)}
    values = np.zeros((len(ids), layout.columns))
    present = np.zeros((len(ids), len(layout.blocks)), bool)
    words = [Text("")] * len(ids)
    for batch in _batches(source, places, on_read):
        rows = [places[summary.video_id] for summary in batch]
        table = vectorise(batch, layout)
        values[rows], present[rows] = table.values, table.present
        for row, summary in zip(rows, batch, strict=True):
            words[row] = Text(all_words(summary)[:MAX_CHARACTERS])
    return Examples(Table(values, present), layout, tuple(words))


def _batches(source: Source, places: dict[VideoId, int], on_read: Read) -> Iterator[list[Summarised]]:
    """Summaries of these videos, no video twice in a batch: numpy does not say which of two would stay."""
    wanted = _counted((c.summary for c in source.changes() if c.summary and c.video_id in places), on_read)
    while batch := list(islice(wanted, BATCH)):
        yield list({summary.video_id: summary for summary in batch}.values())


def _counted(summaries: Iterable[Summarised], on_read: Read) -> Iterator[Summarised]:
    for number, summary in enumerate(summaries, 1):
        on_read(number)
        yield summary


def _without_vanished(rows: Rows) -> Rows:
    kept = np.asarray(rows.examples.table.present.any(axis=1))
    if kept.all():
        return rows
    return Rows(
        examples=rows.examples.rows(kept),
        truth=rows.truth[kept],
        groups=np.unique(rows.groups[kept], return_inverse=True)[1].astype(np.int64),
        moments=rows.moments[kept],
        facts=tuple(fact for fact, is_kept in zip(rows.facts, kept, strict=True) if is_kept),
        measure=rows.measure,
        reference=rows.reference,
        bars=rows.bars,
        found=rows.found,
        newest_s=rows.newest_s,
        taught_on=rows.taught_on,
    )


def _groups(known: Sequence[_Known]) -> Groups:
    names = [group_of(one.slim) for one in known]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _moments(known: Sequence[_Known]) -> Floats:
    said = (one.slim.metadata.uploaded_at_s for one in known)
    return np.array([np.nan if moment is None else moment for moment in said], np.float64)


def _fact(slim: Summarised) -> Fact:
    return Fact(slim.video_id, slim.metadata.title, slim.metadata.channel or slim.metadata.channel_id)
