"""Adding one segment's summary to its video, exactly and only once."""

from bisect import bisect_left
from collections.abc import Iterable

from msgspec.structs import replace

from models import index_set
from models.pooling import add, number_to_fixed
from schemas.assembly import NumberSum, RevisionState, SpokenWords, VectorSum
from schemas.features import Label
from schemas.summaries import PooledVector, Summarised

MAX_WORDS = 20_000
"""Words a summary repeats: two hours of fast speech; keeps the event far below a topic's largest message."""

MAX_LABELS = 100
"""Labels a summary keeps, best first."""

PLACE = "segments/"


def add_segment(part: RevisionState, summary: Summarised) -> RevisionState:
    """Add what this segment has not yet contributed; a repeated summary changes nothing.

    Raises
    ------
    PoolingOverflow
        Vectors of different models meet, or a number is out of range.
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    index = int(summary.scope)
    return replace(
        _with_words(part, index, summary),
        seen=index_set.insert(part.seen, index),
        incomplete=_incomplete(part.incomplete, index, complete=summary.complete),
        vectors=_vectors(part.vectors, index, summary.pooled),
        absent=_absent(part, index, summary),
        numbers=_numbers(part.numbers, index, summary.numbers),
        labels=best_labels(part.labels, summary.labels),
        made_by=_made_by(part.made_by, summary.made_by),
    )


def best_labels(known: tuple[Label, ...], new: Iterable[Label]) -> tuple[Label, ...]:
    """Keep the best score of each name, best first: the same in any order of arrival."""
    if not new:
        return known
    best: dict[str, Label] = {label.name: label for label in known}
    for label in new:
        best[label.name] = min(label, best.get(label.name, label), key=_label_order)
    return tuple(sorted(best.values(), key=_label_order)[:MAX_LABELS])


def _label_order(label: Label) -> tuple[float, str, float, float]:
    return -label.score, label.name, label.start_s or 0.0, label.end_s or 0.0


def _incomplete(mask: bytes, index: int, *, complete: bool) -> bytes:
    return index_set.remove(mask, index) if complete else index_set.insert(mask, index)


def _vectors(known: dict[str, VectorSum], index: int, pooled: dict[str, PooledVector]) -> dict[str, VectorSum]:
    sums = dict(known)
    for place, vector in pooled.items():
        modality = place.removeprefix(PLACE)
        sums[modality] = _more(known.get(modality), vector, index)
    return sums


def _made_by(known: dict[str, tuple[str, ...]], new: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Every version that was met: the same in any order of arrival."""
    found = {place.removeprefix(PLACE): versions for place, versions in new.items()}
    if all(set(versions) <= set(known.get(modality, ())) for modality, versions in found.items()):
        return known
    return known | {m: tuple(sorted({*known.get(m, ()), *versions})) for m, versions in found.items()}


def _more(known: VectorSum | None, vector: PooledVector, index: int) -> VectorSum:
    if known is None:
        return VectorSum(pooled=vector, counted=index_set.insert(b"", index))
    if index_set.contains(known.counted, index):
        return known
    return VectorSum(pooled=add(known.pooled, vector), counted=index_set.insert(known.counted, index))


def _absent(part: RevisionState, index: int, summary: Summarised) -> dict[str, dict[str, bytes]]:
    if not summary.missing and not part.absent:
        return part.absent
    missing = {k.removeprefix(PLACE): why for k, why in summary.missing.items() if k.startswith(PLACE)}
    present = {k.removeprefix(PLACE) for k in summary.pooled}
    absent = dict(part.absent)
    for modality in present & absent.keys():
        absent[modality] = _without(absent[modality], index)
    for modality, reason in missing.items():
        if modality not in part.vectors or not index_set.contains(part.vectors[modality].counted, index):
            others = _without(absent.get(modality, {}), index)
            absent[modality] = others | {reason: index_set.insert(others.get(reason, b""), index)}
    return absent


def _without(reasons: dict[str, bytes], index: int) -> dict[str, bytes]:
    cleared = {reason: index_set.remove(mask, index) for reason, mask in reasons.items()}
    return {reason: mask for reason, mask in cleared.items() if index_set.size(mask)}


def _numbers(known: dict[str, NumberSum], index: int, numbers: dict[str, float]) -> dict[str, NumberSum]:
    sums = dict(known)
    for name, value in numbers.items():
        if name == "words":  # counted with the words themselves
            continue
        old = known.get(name)
        if old is None:
            sums[name] = NumberSum(total=number_to_fixed(value), counted=index_set.insert(b"", index))
        elif not index_set.contains(old.counted, index):
            total = old.total + number_to_fixed(value)
            sums[name] = NumberSum(total=total, counted=index_set.insert(old.counted, index))
    return sums


def _with_words(part: RevisionState, index: int, summary: Summarised) -> RevisionState:
    """Put the segment's words in their place, and drop the text of those beyond `MAX_WORDS`.

    More words can only push a segment further back, so what is dropped early would be dropped late as well.
    """
    known = part.words
    new = SpokenWords(index=index, count=int(summary.numbers.get("words", 0)), words=summary.words)
    place = bisect_left(known, index, key=_index)
    old = known[place] if place < len(known) and known[place].index == index else None
    if old is not None and old.count == new.count and old.words in ("", new.words):
        return part
    after = known[place:] if old is None else known[place + 1 :]
    count = part.word_count + new.count - (old.count if old else 0)
    words = (*known[:place], new, *after)
    return replace(part, words=words if count <= MAX_WORDS else _capped(words), word_count=count)


def _index(spoken: SpokenWords) -> int:
    return spoken.index


def _capped(spoken: tuple[SpokenWords, ...]) -> tuple[SpokenWords, ...]:
    kept, before = [], 0
    for segment in spoken:
        kept.append(replace(segment, words="") if before >= MAX_WORDS else segment)
        before += segment.count
    return tuple(kept)
