"""The lanes of a video's timeline: shots, words, what is seen, sounds, faces; places in percent of its length."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.rows import FaceSeen, PersonBrief, VideoDetail
from schemas.features import FeatureExtracted, Label
from schemas.segments import SegmentCut

MOST_MARKS = 600
"""Marks of one lane; of more, the surest or the longest are shown, and the page says how many are left out."""

LEAST_SHARE = 0.15
"""Less sure labels are left out of the lanes; the table below them has all."""


PICTURE_S = 1.0
"""How long a sampled picture stands, at the usual rate."""

LEAST_WIDTH = 0.6
"""Percent: what lasts no time at all can still be seen and clicked."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that is from `start_s` to `end_s`; a click jumps to `at_s`."""

    words: str
    start_s: float
    end_s: float
    at_s: float
    weight: float = 1.0
    row: int = 0
    x: float = 0.0
    width: float = 0.0
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """Marks of one kind in as many rows as keep them apart."""

    name: str
    marks: tuple[Mark, ...]
    rows: int
    left_out: int = 0
    empty: str = ""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """All lanes, and round times along them."""

    duration_s: float
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, float], ...]


def timeline_of(detail: VideoDetail) -> Timeline:
    """Lay out what is known about when."""
    ends = [segment.end_s for segment in detail.segments]
    duration_s = max([detail.media.duration_s if detail.media else 0.0, *ends, 0.001])
    names = {person.identity_id: person for person in detail.people}
    lanes = (
        _lane("Shots", _shots(detail.segments, duration_s), duration_s, empty="no shots yet"),
        _lane("Words", _words(detail), duration_s, empty="no words: nothing is said, or nobody wrote it down"),
        _lane("Seen", _labels(detail, "visual"), duration_s, most_rows=4, empty="nothing recognised surely"),
        _lane("Heard", _labels(detail, "audio"), duration_s, most_rows=4, empty="nothing recognised surely"),
        _lane("Faces", _faces(detail.faces, names), duration_s, most_rows=6, empty="no faces"),
    )
    return Timeline(duration_s=duration_s, lanes=lanes, ticks=tuple(_ticks(duration_s)))


def by_scope(answers: Iterable[FeatureExtracted]) -> Mapping[str, Sequence[FeatureExtracted]]:
    """Tell answers apart by what they are about: a long video has thousands, and each of its segments asks for its own."""
    found = defaultdict[str, list[FeatureExtracted]](list)
    for answer in answers:
        found[answer.scope].append(answer)
    return found


def text_of(segment: SegmentCut, answers: Iterable[FeatureExtracted]) -> str:
    """The words of a segment: its own, or those a model heard."""
    heard = (a.transcript.text for a in answers if a.transcript and a.scope == str(segment.index))
    return segment.text or next(heard, "")


def _shots(segments: Sequence[SegmentCut], duration_s: float) -> Iterator[Mark]:
    starts = sorted({start for segment in segments for start in (segment.start_s, *segment.shot_starts_s)})
    for place, start_s in enumerate(starts):
        end_s = starts[place + 1] if place + 1 < len(starts) else duration_s
        yield Mark(words=f"shot {place + 1}", start_s=start_s, end_s=end_s, at_s=start_s, tone=f"even{place % 2}")


def _words(detail: VideoDetail) -> Iterator[Mark]:
    answers = by_scope(detail.answers)
    for segment in sorted(detail.segments, key=lambda segment: segment.index):
        text = text_of(segment, answers.get(str(segment.index), ()))
        if text:
            yield Mark(words=text, start_s=segment.start_s, end_s=segment.end_s, at_s=segment.start_s)


def _labels(detail: VideoDetail, modality: str) -> Iterator[Mark]:
    """Labels with times, each name as long as one stretch follows the other."""
    spans = {str(segment.index): segment for segment in detail.segments}
    found = [
        _mark(label, spans[answer.scope])
        for answer in detail.answers
        if answer.modality == modality and answer.scope in spans
        for label in answer.labels
        if label.score >= LEAST_SHARE
    ]
    return _joined(found)


def _mark(label: Label, segment: SegmentCut) -> Mark:
    start_s = segment.start_s if label.start_s is None else label.start_s
    end_s = segment.end_s if label.end_s is None else label.end_s
    # What is in one sampled picture only has no length of its own.
    end_s = max(end_s, min(start_s + PICTURE_S, segment.end_s))
    at_s = start_s if label.best_s is None else label.best_s
    return Mark(words=label.name, start_s=start_s, end_s=end_s, at_s=at_s, weight=label.score)


def _joined(marks: Iterable[Mark]) -> Iterator[Mark]:
    last: Mark | None = None
    for mark in sorted(marks, key=lambda mark: (mark.words, mark.start_s)):
        if last and last.words == mark.words and mark.start_s <= last.end_s + 0.05:
            surest = last if last.weight >= mark.weight else mark
            last = replace(surest, start_s=last.start_s, end_s=max(last.end_s, mark.end_s))
            continue
        if last:
            yield last
        last = mark
    if last:
        yield last


def _faces(faces: Iterable[FaceSeen], names: Mapping[str, PersonBrief]) -> Iterator[Mark]:
    for face in faces:
        person = names.get(face.identity_id or "")
        words = (person.name or f"Unnamed {person.identity_id[7:11]}") if person else "somebody"
        yield Mark(words=words, start_s=face.start_s, end_s=face.end_s, at_s=face.at_s, weight=face.quality)


def _lane(name: str, marks: Iterable[Mark], duration_s: float, *, most_rows: int = 1, empty: str = "") -> Lane:
    found = sorted(marks, key=lambda mark: (-mark.weight, mark.start_s))
    kept, left_out = found[:MOST_MARKS], max(0, len(found) - MOST_MARKS)
    laid = sorted(_apart(kept, most_rows), key=lambda mark: (mark.row, mark.start_s))
    placed = tuple(_placed(mark, duration_s) for mark in laid)
    rows = max((mark.row + 1 for mark in placed), default=1)
    return Lane(name=name, marks=placed, rows=rows, left_out=left_out + len(kept) - len(placed), empty=empty)


def _apart(marks: Iterable[Mark], most_rows: int) -> Iterator[Mark]:
    """Give each mark the first row where it covers no surer one; what finds none is left out."""
    rows: list[list[Mark]] = [[] for _ in range(most_rows)]
    for mark in marks:
        free = (i for i, row in enumerate(rows) if all(mark.end_s <= m.start_s or mark.start_s >= m.end_s for m in row))
        row = next(free, None)
        if row is not None:
            rows[row].append(mark)
            yield replace(mark, row=row)


def _placed(mark: Mark, duration_s: float) -> Mark:
    x = 100 * mark.start_s / duration_s
    width = 100 * (mark.end_s - mark.start_s) / duration_s
    return replace(mark, x=round(x, 3), width=round(max(min(width, 100 - x), LEAST_WIDTH), 3))


def _ticks(duration_s: float) -> Iterator[tuple[float, float]]:
    steps_s = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)
    step_s = next((step for step in steps_s if duration_s / step <= 12), steps_s[-1])
    for i in range(int(duration_s / step_s) + 1):
        yield round(100 * i * step_s / duration_s, 3), i * step_s
