"""Predictions held against outcomes: first by video, then summed by release and week."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self, TypeVar

from msgspec.structs import replace

from models.outcome_truth import Truth, Yardstick, truth_of
from models.release import yardstick_of
from processors.content_id import with_content_id
from processors.ports import World
from schemas.errors import ReleaseInvalid, Unreadable
from schemas.event import Event
from schemas.media import MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.promotions import ShadowScored
from schemas.releases import ReleasePublished
from schemas.scoreboard import STEPS, ChanceBin, Judged, PredictionJudged, ScoreboardState, ScoreKept, week_of
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
        self._yardsticks: dict[str, Yardstick] = {}
        self._targets: dict[str, TargetDefined] = {}

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; it needs the shelf of releases only, for what they say of how to measure a video."""
        return cls(world.release)

    def hear(self, event: Event) -> None:
        """Learn when a release was trained, and how a target is measured."""
        if isinstance(event, ReleasePublished):
            self._trained_at_s[event.record_key] = event.trained_at_s
            self._yardsticks[event.record_key] = self._yardstick(event)
        if isinstance(event, TargetDefined):
            known = self._targets.get(event.name)
            self._targets[event.name] = event if known is None or event.version >= known.version else known

    def _yardstick(self, event: ReleasePublished) -> Yardstick:
        """An empty one where its files are not here: what cannot be measured is counted as not comparable."""
        if self._find is None:
            return Yardstick()
        try:
            return yardstick_of(self._find(event.target, event.release_id))
        except ReleaseInvalid:
            return Yardstick()

    def key(self, event: Event) -> str | None:
        """Name the video's state, or that of the part of the week; None for what nothing follows from."""
        match event:
            case PredictionJudged():
                return event.board
            case MediaFetched():
                return None if event.duplicate_of else event.video_id
            case OutcomeObserved() | ShadowScored() | VideoScored():
                return event.video_id
        return None

    def start(self, key: str) -> ScoreboardState:  # noqa: ARG002  every fold is asked by key
        """Make the state of what nothing is known of."""
        return ScoreboardState()

    def step(self, state: ScoreboardState, event: Event) -> tuple[ScoreboardState, list[Event]]:
        """Take in a prediction, an outcome, a video's category, or what became of it.

        Raises
        ------
        Unreadable
            A value that is no measurement.
        """
        match event:
            case PredictionJudged():
                return _counted(state, event)
            case MediaFetched():
                return self._judged(_categorised(state, event))
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
            by=self._yardsticks[name],
            category=state.category,
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
            judged=_held_against(scored, truth, base=_base_chance(scored, target)),
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


def _categorised(state: ScoreboardState, media: MediaFetched) -> ScoreboardState:
    """Learn a video's category; a row of a table never takes the place of what was fetched."""
    if media.is_described and state.is_fetched:
        return state
    return replace(state, category=media.metadata.category, is_fetched=not media.is_described)


def _base_chance(scored: VideoScored, target: TargetDefined | None) -> float:
    """How many are among the best: what saying the same of every video would say."""
    return target.top_share if target and target.kind == "regression" else scored.constant


def _held_against(scored: VideoScored, truth: Truth, *, base: float) -> Judged:
    if truth.value is None:
        return Judged(why_not=truth.why_not)
    if abs(truth.value) > LARGEST:
        raise Unreadable(f"expected an outcome within ±{LARGEST:g}, got {truth.value} for {scored.record_key}")
    below, above = truth.value < scored.interval.low, truth.value > scored.interval.high
    is_told = scored.probability is not None and truth.is_best is not None
    return Judged(
        error=round((scored.value - truth.value) * STEPS),
        constant_error=round(abs(scored.constant - truth.value) * STEPS),
        side=above - below,
        chance=_millionths(scored.probability or 0.0) if is_told else None,
        base_chance=_millionths(base) if is_told else None,
        came=is_told and bool(truth.is_best),
    )


def _millionths(chance: float) -> int:
    return round(min(max(chance, 0.0), 1.0) * STEPS)


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
        chances=tuple(_bins(compared)),
        brier_sum=sum(_squared(row.chance, row.came) for row in compared),
        base_brier_sum=sum(_squared(row.base_chance, row.came) for row in compared),
    )
    return with_content_id(kept, STAGE, VERSION)


def _bins(rows: Iterable[Judged]) -> Iterator[ChanceBin]:
    """Sort videos into tenths by the chance that they were given; tenths without any are left out."""
    tenths: dict[int, list[tuple[int, bool]]] = {}
    for row in rows:
        if row.chance is not None:
            tenths.setdefault(min(row.chance * 10 // STEPS, 9), []).append((row.chance, row.came))
    for tenth, mine in sorted(tenths.items()):
        came, chance_sum = sum(came for _, came in mine), sum(chance for chance, _ in mine)
        yield ChanceBin(tenth=tenth, videos=len(mine), came=came, chance_sum=chance_sum)


def _squared(chance: int | None, came: bool) -> int:
    """Squared distance of a chance from what came, in millionths and whole."""
    return 0 if chance is None else (chance - came * STEPS) ** 2 // STEPS


def _reasons(rows: Iterable[Judged]) -> Iterator[str]:
    return (row.why_not for row in rows if row.why_not)


def _with(entries: dict[str, T], key: str, value: T | None) -> dict[str, T]:
    """Put an entry in or take it out, sorted, so that the same entries are the same bytes."""
    others = {known: entry for known, entry in entries.items() if known != key}
    return dict(sorted((others if value is None else others | {key: value}).items()))
