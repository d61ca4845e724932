"""Two videos beside each other: the same scale for both, reasons, numbers, labels and people in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from dashboard.desk import Desk
from dashboard.pages.charts import Bar, Scale
from dashboard.pages.prediction_views import PredictionView, grouped, shared_scale, title_of, views_of
from dashboard.problems import not_found
from dashboard.rows import VideoDetail, VideoQuery

CHOICES = 24
MOST_LABELS = 24

Pair = tuple[PredictionView | None, PredictionView | None]


@dataclass(frozen=True, kw_only=True)
class ReasonPair:
    """A reason as it moves the one and the other; None where it moves nothing."""

    words: str
    bars: tuple[Bar | None, Bar | None]


@dataclass(frozen=True, kw_only=True)
class TargetPair:
    """What is predicted of both for one target."""

    title: str
    views: Pair
    reasons: tuple[ReasonPair, ...]


def compared(desk: Desk, a: str, b: str, *, text: str) -> dict[str, object]:
    """What the page shows of two ids, either of which may be empty: then also what to choose from.

    Raises
    ------
    Problem
        404: one of the ids is not known.
    """
    details = tuple(_detail(desk, video_id) if video_id else None for video_id in (a, b))
    chosen = {detail.row.video_id for detail in details if detail}
    page = desk.library.videos(VideoQuery(text=text, limit=CHOICES, sort="changed")) if None in details else None
    choices = tuple(row for row in page.items if row.video_id not in chosen) if page else ()
    both = [detail for detail in details if detail]
    return {
        "details": details, "choices": choices, "text": text, "a": a, "b": b,
        "pairs": _target_pairs(desk, both) if len(both) == 2 else (),
        "numbers": _numbers(both) if len(both) == 2 else (),
        "labels": _labels(both) if len(both) == 2 else (),
    }  # fmt: skip


def _detail(desk: Desk, video_id: str) -> VideoDetail:
    found = desk.library.video(video_id)
    if found is None:
        raise not_found("video", video_id)
    return found


def _target_pairs(desk: Desk, both: Sequence[VideoDetail]) -> tuple[TargetPair, ...]:
    targets = desk.library.targets()
    known = {target.name: target for target in targets}
    releases = desk.library.releases()
    sides = [{view.scored.target: view for view in views_of(detail, targets, releases)} for detail in both]
    names = sorted(set(chain(*sides)))
    return tuple(_target_pair((sides[0].get(n), sides[1].get(n)), title_of(n, known.get(n)), desk) for n in names)


def _target_pair(views: Pair, title: str, desk: Desk) -> TargetPair:
    there = [view for view in views if view]
    target = next((t for t in desk.library.targets() if t.name == there[0].scored.target), None)
    # Releases may measure in different units: then each keeps its own scale, and nothing lies beside what it is not.
    if len({view.scored.unit for view in there}) == 1:
        scale = shared_scale(there, target)
        views = (_on(views[0], scale), _on(views[1], scale))
    return TargetPair(title=title, views=views, reasons=_reason_pairs(views))


def _on(view: PredictionView | None, scale: Scale) -> PredictionView | None:
    return replace(view, scale=scale) if view else None


def _reason_pairs(views: Pair) -> tuple[ReasonPair, ...]:
    reasons = [view.scored.reasons if view else () for view in views]
    largest = max((abs(r.contribution) for r in chain(*reasons)), default=0.0)
    sides = [{bar.reason.words: bar for _, bars in grouped(side, largest=largest) for bar in bars} for side in reasons]
    order = sorted(set(chain(*sides)), key=lambda w: -max(_size(side.get(w)) for side in sides))
    return tuple(ReasonPair(words=words, bars=(sides[0].get(words), sides[1].get(words))) for words in order)


def _size(bar: Bar | None) -> float:
    return abs(bar.reason.contribution) if bar else 0.0


def _numbers(both: Sequence[VideoDetail]) -> tuple[tuple[str, float | None, float | None], ...]:
    sides = [detail.summary.numbers if detail.summary else {} for detail in both]
    return tuple((name, sides[0].get(name), sides[1].get(name)) for name in sorted(set(chain(*sides))))


def _labels(both: Sequence[VideoDetail]) -> tuple[tuple[str, float | None, float | None], ...]:
    sides = [{label.name: label.score for label in detail.summary.labels} if detail.summary else {} for detail in both]
    names = sorted(set(chain(*sides)), key=lambda name: -max(side.get(name, 0.0) for side in sides))
    return tuple((name, sides[0].get(name), sides[1].get(name)) for name in names[:MOST_LABELS])
