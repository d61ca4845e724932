"""Scoring everything again, from summaries or from features, through the stages that score live."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, TypeAlias

import msgspec

from processors.active_releases import Roster
from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory, OnSkip, nothing
from processors.ports import Options
from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.errors import GroundswellError, UsageError
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted
from schemas.predictions import Prediction, SegmentScored, VideoScored
from schemas.releases import ReleasePublished
from schemas.summaries import Summarised

Source = Literal["summaries", "features"]

Age: TypeAlias = tuple[float, float, str]
"""What decides which of a target's releases is newer: see `Roster.age`."""

SOURCES: dict[Source, tuple[str, ...]] = {
    "summaries": ("summaries",),
    "features": ("media", "segments", "features", "outcomes", "influence"),
}
"""The topics each kind of replay reads; assembling again needs everything that `assemble` reads but its own output."""

BATCH = 256
DIFFERENCES_SHOWN = 10


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What `--verify` found: live predictions of this release beside the replayed ones, byte by byte.

    Attributes
    ----------
    missing : int
        Live predictions that the replay did not make again.
    examples : tuple of str
        Record keys of the first that differ or are missing.
    """

    compared: int
    equal: int
    different: int
    missing: int
    examples: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        return self.different == 0 and self.missing == 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One video before and after: `before` is None when it had no prediction."""

    video_id: str
    after: VideoScored
    before: VideoScored | None = None


def newest(releases: Iterable[Event], target: str, release_id: str | None = None) -> ReleasePublished:
    """Choose the release of a target that serves, or the one asked for.

    Raises
    ------
    UsageError
        The target has no such release, or none of them serves.
    """
    roster = Roster.of(releases)
    found = roster.serving(target) if release_id is None else roster.published.get((target, release_id))
    if found is not None:
        return found
    if target in roster.targets and release_id is None:
        raise UsageError(f"no release of {target} serves; promote one: groundswell releases promote {target}/RELEASE")
    wanted = target if release_id is None else f"{target}/{release_id}"
    raise UsageError(f"there is no release {wanted}; publish one with `groundswell train {target}`")


def ages(events: Iterable[Event]) -> dict[str, Age]:
    """Give for each release what decides which of a target's is newer; the scorer decides by the same.

    What is retired, or was never promoted, is older than whatever serves.
    """
    roster = Roster.of(events)
    return {event.record_key: roster.age(name) for name, event in roster.published.items()}


def chosen(
    events: Collection[Event], targets: Collection[str] = (), release_id: str | None = None
) -> tuple[ReleasePublished, ...]:
    """Choose the release of each target that serves; of all targets that have one when none is named.

    Raises
    ------
    UsageError
        A target has no such release, no target has any, or a release is named without its one target.
    """
    roster = Roster.of(events)
    names = sorted(set(targets) or {target for target in roster.targets if roster.serving(target)})
    if not names:
        raise UsageError("no target has a release that serves; publish one with `groundswell train TARGET`")
    if release_id is not None and len(targets) != 1:
        raise UsageError("a release belongs to one target; name it with --target")
    return tuple(newest(events, name, release_id) for name in names)


def summaries_of(events: Iterable[Event]) -> Iterator[Summarised]:
    """Give the summaries of whole videos among the events of ``summaries``."""
    return (e for e in events if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO)


def assemble_again(events: Iterable[Event], options: Options, *, on_skip: OnSkip = nothing) -> Iterator[Summarised]:
    """Give the last summary of each video, as `summed_up_again` makes it."""
    summaries = summaries_of(summed_up_again(events, options, on_skip=on_skip))
    yield from {summary.video_id: summary for summary in summaries}.values()


def summed_up_again(events: Iterable[Event], options: Options, *, on_skip: OnSkip = nothing) -> Iterator[Event]:
    """Run the live fold over everything it once read, and give all that it emits, of segments and of videos.

    What waits at the end has waited for ever, so it is closed as at the deadline. An event that
    cannot be processed went to the dead letters live, and is skipped here.
    """
    fold = FoldInMemory(AssembleProcessor(options), on_skip)
    yield from fold.feed(map(_of_no_edition, events))
    yield from fold.expire()


def _of_no_edition(event: Event) -> Event:
    """What lies on the topic is what stands, whenever it was promoted."""
    return msgspec.structs.replace(event, edition=0) if isinstance(event, FeatureExtracted) else event


def score_again(
    summaries: Iterable[Summarised], scorer: ScoreProcessor, *, on_skip: OnSkip = nothing
) -> Iterator[Prediction]:
    """Send summaries through the live scorer, in batches; only predictions come out.

    A summary that cannot be scored went to the dead letters live, and is skipped here.
    """
    remaining = iter(summaries)
    while batch := list(islice(remaining, BATCH)):
        for answers in _transform(scorer, batch, on_skip):
            yield from (answer for answer in answers if isinstance(answer, VideoScored | SegmentScored))


def _transform(scorer: ScoreProcessor, batch: Sequence[Summarised], on_skip: OnSkip) -> list[list[Event]]:
    try:
        return scorer.transform(batch)
    except GroundswellError as error:
        if len(batch) == 1:
            on_skip(batch[0], error)
            return []
        return [answers for one in batch for answers in _transform(scorer, [one], on_skip)]


def only_finished(
    summaries: Iterable[Summarised], live: Mapping[str, Prediction], targets: Collection[str]
) -> Iterator[Summarised]:
    """Leave out videos that are still in work: without all answers, and without a final prediction."""
    for summary in summaries:
        said = (live.get(f"{summary.video_id}/{target}") for target in targets)
        if summary.complete or any(
            isinstance(prediction, VideoScored) and prediction.stage == "final" for prediction in said
        ):
            yield summary


def compare(live: Iterable[Prediction], replayed: Iterable[Prediction], *, release: str) -> Comparison:
    """Hold replayed predictions against the live ones that the same release (``target/release_id``) made, byte by byte."""
    target, release_id = release.split("/")
    expected = {p.record_key: encode(p) for p in live if (p.target, p.release_id) == (target, release_id)}
    made = {p.record_key: encode(p) for p in replayed if p.target == target}
    both = expected.keys() & made.keys()
    missing = sorted(expected.keys() - made.keys())
    different = sorted(key for key in both if expected[key] != made[key])
    return Comparison(
        compared=len(both),
        equal=len(both) - len(different),
        different=len(different),
        missing=len(missing),
        examples=tuple((different + missing)[:DIFFERENCES_SHOWN]),
    )


def changes(replayed: Iterable[Prediction], live: Mapping[str, Prediction]) -> Iterator[Change]:
    """Put each new prediction of a whole video beside the one it replaces."""
    for after in replayed:
        if isinstance(after, VideoScored):
            before = live.get(after.record_key)
            yield Change(
                video_id=after.video_id, after=after, before=before if isinstance(before, VideoScored) else None
            )


def total(comparisons: Iterable[Comparison]) -> Comparison:
    """Add comparisons of parts up."""
    parts = list(comparisons)
    return Comparison(
        compared=sum(part.compared for part in parts),
        equal=sum(part.equal for part in parts),
        different=sum(part.different for part in parts),
        missing=sum(part.missing for part in parts),
        examples=tuple(key for part in parts for key in part.examples)[:DIFFERENCES_SHOWN],
    )
