"""A prediction as people read it: on a scale, with its reasons in groups, its story, and what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.pages import saying
from dashboard.pages.charts import Bar, Scale, Step, scale_over, signed_bars, steps_of
from dashboard.pages.wording import percent, words
from dashboard.rows import Moment, PredictionBrief, ReleaseRow, VideoDetail
from models.outcome_truth import Truth, truth_of
from schemas.outcomes import OutcomeObserved
from schemas.predictions import Interval, Reason, VideoScored
from schemas.targets import Measure, TargetDefined

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Words": ("title_and_description", "title_form", "speech", "segments/text", "video/text"),
    "Pictures": ("pictures", "look", "pace", "faces", "people", "segments/visual", "segments/faces"),
    "Sound": ("sound", "sound_kinds", "loudness", "segments/audio"),
}
"""Where a reason belongs by its feature; whatever is new lies in the last group."""

MOMENTS, REST = "Moments in the video", "Around the video"
LOG_UNIT = "log10 of "


@dataclass(frozen=True, kw_only=True)
class PredictionView:
    """One prediction, ready to be drawn. What ends in ``_x`` is a place on the scale in percent."""

    scored: VideoScored
    title: str
    about: str
    scale: Scale
    groups: tuple[tuple[str, list[Bar]], ...]
    steps: tuple[Step, ...]
    trained_at_s: float | None
    truth: float | None
    truth_why_not: str

    @property
    def value(self) -> float:
        return self.scored.value

    @property
    def low(self) -> float:
        return self.scored.interval.low

    @property
    def high(self) -> float:
        return self.scored.interval.high

    @property
    def level(self) -> float:
        return self.scored.interval.level

    @property
    def constant(self) -> float:
        return self.scored.constant

    @property
    def value_x(self) -> float:
        return self.scale.at(self.value)

    @property
    def low_x(self) -> float:
        return self.scale.at(self.low)

    @property
    def high_x(self) -> float:
        return self.scale.at(self.high)

    @property
    def constant_x(self) -> float:
        return self.scale.at(self.constant)

    @property
    def truth_x(self) -> float | None:
        return None if self.truth is None else self.scale.at(self.truth)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return self.scale.ticks(self.amount)

    @property
    def in_words(self) -> str:
        """The whole chart in a sentence, for those who do not see it."""
        came = "" if self.truth is None else f"; what came: {self.amount(self.truth)}"
        low, high, constant = (self.amount(value) for value in (self.low, self.high, self.constant))
        return (
            f"{self.title}: {self.amount(self.value)} {self.unit}, {percent(self.level)} interval from "
            f"{low} to {high}; the same for every video would be {constant}{came}"
        )

    def amount(self, value: float | None) -> str:
        """Write a value of this prediction's unit."""
        return saying.amount(value, self.scored.unit)

    @property
    def headline(self) -> str:
        """The value alone, as large as it deserves."""
        return saying.worth(self.value, self.scored.unit)

    @property
    def unit(self) -> str:
        """What follows the value."""
        return saying.unit_word(self.scored.unit)

    @property
    def step(self) -> str:
        """In what reasons are counted."""
        return saying.step_word(self.scored.unit)

    @property
    def meaning(self) -> str:
        """The value in a sentence."""
        return saying.meaning(self.value, self.scored.unit)

    @property
    def beside(self) -> str:
        """How far from the constant, and what that is."""
        return saying.beside(self.value, self.constant, self.scored.unit)

    @property
    def in_counts(self) -> str:
        """A logarithm as the count it is of; empty for other units."""
        if not self.scored.unit.startswith(LOG_UNIT):
            return ""
        value, low, high = (rounded_count(10**x - 1) for x in (self.value, self.low, self.high))
        return f"about {value} {self.scored.unit.removeprefix(LOG_UNIT)}, {low} to {high}"


def views_of(
    detail: VideoDetail, targets: Iterable[TargetDefined], releases: Iterable[ReleaseRow]
) -> list[PredictionView]:
    """Every prediction of a video, in the order of the targets' names."""
    known = {target.name: target for target in targets}
    trained = {(r.release.target, r.release.release_id): r.release.trained_at_s for r in releases}
    return [
        _view(scored, detail, known.get(scored.target), trained.get((scored.target, scored.release_id)))
        for scored in sorted(detail.predictions, key=lambda scored: scored.target)
    ]


def brief_scale(briefs: Sequence[PredictionBrief], target: TargetDefined | None) -> Scale:
    """One scale for predictions of several videos."""
    measure = _measure(target, briefs[0].unit) if briefs else None
    return _scale((x for b in briefs for x in (b.value, b.low, b.high, b.constant)), measure)


def shared_scale(views: Sequence[PredictionView], target: TargetDefined | None) -> Scale:
    """One scale for the predictions of one target for several videos."""
    measure = _measure(target, views[0].scored.unit) if views else None
    return _scale((x for v in views for x in (v.value, v.low, v.high, v.constant, v.truth)), measure)


def grouped(reasons: Sequence[Reason], *, largest: float | None = None) -> tuple[tuple[str, list[Bar]], ...]:
    """Put reasons into groups, the group with the largest reason first."""
    full = largest or max((abs(r.contribution) for r in reasons), default=0.0)
    groups: dict[str, list[Reason]] = {}
    for reason in sorted(reasons, key=lambda reason: -abs(reason.contribution)):
        groups.setdefault(_group(reason), []).append(reason)
    return tuple((name, signed_bars(found, largest=full)) for name, found in groups.items())


def rounded_count(count: float) -> str:
    """Say a count with two digits that tell something.

    >>> rounded_count(12345), rounded_count(7.2)
    ('12,000', '7')
    """
    whole = max(0, round(count))
    digits = len(str(whole)) - 2
    return f"{round(whole, -digits) if digits > 0 else whole:,}"


def title_of(name: str, target: TargetDefined | None) -> str:
    """What a target is called."""
    return target.title if target else words(name).capitalize()


def _view(
    scored: VideoScored, detail: VideoDetail, target: TargetDefined | None, trained_at_s: float | None
) -> PredictionView:
    history = [moment for moment in detail.history if moment.target == scored.target]
    truth = _truth(target, scored, detail.outcomes, trained_at_s)
    scale = _scale(_numbers(scored, history, truth), _measure(target, scored.unit))
    return PredictionView(
        scored=scored,
        title=title_of(scored.target, target),
        about=" ".join(target.description.split()) if target else "",
        scale=scale,
        groups=grouped(scored.reasons),
        steps=tuple(steps_of(history, scale)),
        trained_at_s=trained_at_s,
        truth=truth.value,
        truth_why_not=truth.why_not,
    )


def _truth(
    target: TargetDefined | None, scored: VideoScored, outcomes: Sequence[OutcomeObserved], trained_at_s: float | None
) -> Truth:
    return truth_of(target, scored.unit, outcomes, after_s=trained_at_s or 0.0) if outcomes else Truth(None)


def _numbers(scored: VideoScored, history: Sequence[Moment], truth: Truth) -> list[float | None]:
    told = [x for moment in history for x in (moment.value, moment.low, moment.high)]
    interval: Interval = scored.interval
    return [scored.value, interval.low, interval.high, scored.constant, truth.value, *told]


def _scale(values: Iterable[float | None], measure: Measure | None) -> Scale:
    """A thing that is bounded on both sides is shown whole; another as far as the numbers go."""
    known = list(values)
    if measure and measure.low is not None and measure.high is not None:
        return scale_over(known, low=measure.low, high=measure.high)
    return scale_over(known)


def _measure(target: TargetDefined | None, unit: str) -> Measure | None:
    return next((m for m in target.measures if m.unit == unit), None) if target else None


def _group(reason: Reason) -> str:
    if reason.at_s is not None:
        return MOMENTS
    return next((name for name, features in GROUPS.items() if reason.feature in features), REST)
