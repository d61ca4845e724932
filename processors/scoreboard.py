"""Predictions held against outcomes: first by video, then summed by release and week."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self, TypeVar

from msgspec.structs import replace

from models.outcome_truth import Truth, truth_of
from models.release import reference_of
from models.target_values import Floats
from processors.content_id import with_content_id
from processors.ports import World
from schemas.errors import ReleaseInvalid, Unreadable
from schemas.event import Event
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.promotions import ShadowScored
from schemas.releases import ReleasePublished
from schemas.scoreboard import STEPS, Judged, PredictionJudged, ScoreboardState, ScoreKept, week_of
from schemas.targets import TargetDefined
from schemas.ticks import TimePassed

T = TypeVar("T")

Find = Callable[[str, str], Path]
"""The folder of a release, by target and id."""

STAGE = "scoreboard"
VERSION = "1"

LARGEST = 1e9
"""A larger value or truth is no measurement, and its error would not fit into a sum of 64 bits with many others."""


class ScoreboardFold:
    """One state for each video, which says how its predictions turned out, and one for each part of a week, which counts.

    Only outcomes that were observed after a release was trained count for it: a prediction follows from a summary
    and a release alone, so that this holds for replayed predictions too, and no order of arrival can show.
    """

    version = VERSION
    state_type = ScoreboardState

    def __init__(self, find: Find | None = None) -> None:
        self._find = find
        self._trained_at_s: dict[str, float] = {}
        self._references: dict[str, Floats | None] = {}
        self._targets: dict[str, TargetDefined] = {}

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; it needs the shelf of releases only, for what percentiles are percentiles of."""
        return cls(world.release)

    def hear(self, event: Event) -> None:
        """Learn when a release was trained, and how a target is measured."""
        if isinstance(event, ReleasePublished):
            self._trained_at_s[event.record_key] = event.trained_at_s
            self._references[event.record_key] = self._reference(event)
        if isinstance(event, TargetDefined):
            known = self._targets.get(event.name)
            self._targets[event.name] = event if known is None or event.version >= known.version else known

    def _reference(self, event: ReleasePublished) -> Floats | None:
        """None where there is none, or its files are not here: then percentiles are counted as not comparable."""
        if self._find is None:
            return None
        try:
            return reference_of(self._find(event.target, event.release_id))
        except ReleaseInvalid:
            return None

    def key(self, event: Event) -> str | None:
        """Name the video's state, or that of the part of the week; None for what nothing follows from."""
        match event:
            case PredictionJudged():
                return event.board
            case OutcomeObserved() | ShadowScored() | VideoScored():
                return event.video_id
        return None

    def start(self, key: str) -> ScoreboardState:  # noqa: ARG002  every fold is asked by key
        """Make the state of what nothing is known of."""
        return ScoreboardState()

    def step(self, state: ScoreboardState, event: Event) -> tuple[ScoreboardState, list[Event]]:
        """Take in a prediction, an outcome, or what became of a video.

        Raises
        ------
        Unreadable
            A value that is no measurement.
        """
        match event:
            case PredictionJudged():
                return _counted(state, event)
            case OutcomeObserved():
                return self._judged(replace(state, outcomes=_with(state.outcomes, event.record_key, event)))
            case ShadowScored():
                return self._judged(_predicted(state, event.prediction))
            case VideoScored():
                return self._judged(_predicted(state, event))
            case TimePassed():
                return self._judged(state)
        raise TypeError(f"a scoreboard has no use for {type(event).__name__}")

    def waits(self, state: ScoreboardState) -> bool:
        """Whether a release was not heard of yet: its news come another way than its predictions."""
        return state.is_early

    def _judged(self, state: ScoreboardState) -> tuple[ScoreboardState, list[Event]]:
        """Say what has changed of each prediction."""
        said, told = dict(state.said), list[Event]()
        for name, scored in state.predictions.items():
            before, now = state.said.get(name), self._judge(name, scored, state)
            if now == before:
                continue
            if before is not None and (now is None or now.record_key != before.record_key):
                told.append(_taken_back(before))
            if now is not None:
                told.append(now)
            said = _with(said, name, now)
        is_early = bool(state.outcomes) and any(name not in self._trained_at_s for name in state.predictions)
        return replace(state, said=said, is_early=is_early), told

    def _judge(self, name: str, scored: VideoScored, state: ScoreboardState) -> PredictionJudged | None:
        if name not in self._trained_at_s:
            return None
        outcomes = [state.outcomes[key] for key in sorted(state.outcomes)]
        target = self._targets.get(scored.target)
        truth = truth_of(
            target,
            scored.unit,
            outcomes,
            after_s=self._trained_at_s[name],
            reference=self._references.get(name),
        )
        if truth.at_s is None:
            return None
        event = PredictionJudged(
            event_id="",
            video_id=scored.video_id,
            target=scored.target,
            release_id=scored.release_id,
            week=week_of(truth.at_s),
            unit=scored.unit,
            level=scored.interval.level,
            judged=_held_against(scored, truth),
        )
        return with_content_id(event, STAGE, VERSION)


def _predicted(state: ScoreboardState, scored: VideoScored) -> ScoreboardState:
    """Keep a final prediction; a copy of a video is not a second video."""
    if scored.stage != "final" or scored.duplicate_of is not None:
        return state
    if abs(scored.value) > LARGEST or abs(scored.constant) > LARGEST:
        raise Unreadable(f"expected a prediction within ±{LARGEST:g}, got {scored.value} for {scored.record_key}")
    bare = replace(
        scored, reasons=(), suggestions=(), caveats=(), modalities_used=(), modalities_missing={}, classes=()
    )
    name = f"{scored.target}/{scored.release_id}"
    return replace(state, predictions=_with(state.predictions, name, bare))


def _held_against(scored: VideoScored, truth: Truth) -> Judged:
    if truth.value is None:
        return Judged(why_not=truth.why_not)
    if abs(truth.value) > LARGEST:
        raise Unreadable(f"expected an outcome within ±{LARGEST:g}, got {truth.value} for {scored.record_key}")
    below, above = truth.value < scored.interval.low, truth.value > scored.interval.high
    return Judged(
        error=round((scored.value - truth.value) * STEPS),
        constant_error=round(abs(scored.constant - truth.value) * STEPS),
        side=above - below,
    )


def _taken_back(said: PredictionJudged) -> PredictionJudged:
    return with_content_id(replace(said, event_id="", judged=None), STAGE, VERSION)


def _counted(state: ScoreboardState, event: PredictionJudged) -> tuple[ScoreboardState, list[Event]]:
    counted = _with(state.counted, event.video_id, event.judged)
    if counted == state.counted:
        return state, []
    return replace(state, counted=counted), [_sum(event, counted.values())]


def _sum(event: PredictionJudged, counted: Iterable[Judged]) -> ScoreKept:
    rows = list(counted)
    compared = [row for row in rows if not row.why_not]
    sides = Counter(row.side for row in compared)
    kept = ScoreKept(
        event_id="",
        target=event.target,
        release_id=event.release_id,
        week=event.week,
        part=int(event.board.rsplit("/", 1)[1]),
        unit=event.unit,
        level=event.level,
        compared=len(compared),
        inside=sides[0],
        below=sides[-1],
        above=sides[1],
        error_sum=sum(row.error for row in compared),
        absolute_error_sum=sum(abs(row.error) for row in compared),
        constant_error_sum=sum(row.constant_error for row in compared),
        not_comparable=dict(sorted(Counter(_reasons(rows)).items())),
    )
    return with_content_id(kept, STAGE, VERSION)


def _reasons(rows: Iterable[Judged]) -> Iterator[str]:
    return (row.why_not for row in rows if row.why_not)


def _with(entries: dict[str, T], key: str, value: T | None) -> dict[str, T]:
    """Put an entry in or take it out, sorted, so that the same entries are the same bytes."""
    others = {known: entry for known, entry in entries.items() if known != key}
    return dict(sorted((others if value is None else others | {key: value}).items()))
