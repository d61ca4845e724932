"""Replay on Kafka: brings past predictions up to date, or proves that they come out again as they were.

All of a video's events lie in one partition number, so the past is read partition by partition:
memory holds one partition at a time, and partitions can be shared out over processes and machines.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from processors.active_releases import Roster
from processors.score import ScoreProcessor
from schemas.errors import UsageError
from schemas.event import Event
from schemas.promotions import RoleGiven
from schemas.releases import ReleasePublished
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.replay_checkpoint import Checkpoint, Task
from streams.replay_partition import PartitionDone, Report, Work, publish_partition, verify_partition
from streams.replay_selection import Selection
from streams.rescoring import Change, Comparison, Source, ages, chosen, total
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media

CHANGES_SHOWN = 20


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay.

    Attributes
    ----------
    targets : tuple of str
        Empty: all that have a release.
    source : "summaries" or "features"
        Where to begin; from features everything is assembled again first.
    release_id : str or None
        Another release than the newest; for one target only.
    verify : bool
        Compare with the live predictions of the same releases, and publish nothing.
    partitions : tuple of int or None
        Only these, of all; None: all.
    restart : bool
        Forget what a stopped replay of the same videos and releases has done already.
    """

    targets: tuple[str, ...] = ()
    source: Source = "summaries"
    release_id: str | None = None
    selection: Selection = Selection()
    verify: bool = False
    partitions: tuple[int, ...] | None = None
    restart: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay is going to do.

    Attributes
    ----------
    count : int
        Partitions that there are.
    partitions : tuple of int
        Those still to be done.
    resumed : tuple of int
        Those that a stopped replay has done.
    """

    releases: tuple[ReleasePublished, ...]
    known: tuple[ReleasePublished | RoleGiven, ...]
    task: Task
    count: int
    partitions: tuple[int, ...]
    resumed: tuple[int, ...] = ()
    verify: bool = False


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did: the sum of its partitions, see `PartitionDone`.

    Attributes
    ----------
    resumed : int
        Partitions that were done already.
    comparisons : dict
        By target, with `verify` only.
    """

    releases: tuple[str, ...]
    partitions: int
    resumed: int
    videos: int
    made: int
    published: int
    unchanged: int
    left: int
    restored: int
    comparisons: dict[str, Comparison] = msgspec.field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def comparison(self) -> Comparison | None:
        """All targets together; None without `verify`."""
        return total(self.comparisons.values()) if self.comparisons else None


def replay(
    settings: Settings, bootstrap: str, wishes: Wishes, *, on_report: Callable[[Report], None] = lambda report: None
) -> Replayed:
    """Score past videos again, here and now.

    Raises
    ------
    UsageError
        A target has no such release, or a topic does not exist.
    ReleaseInvalid
        A release's files are missing or altered.
    BrokerUnavailable
        Kafka does not answer, or did not take the new predictions.
    """
    found = plan(settings, bootstrap, wishes)
    done = list(carry_out(settings, bootstrap, found, on_report=on_report))
    return finish(settings, found, done)


def plan(settings: Settings, bootstrap: str, wishes: Wishes) -> Plan:
    """Decide on releases and partitions; raises `UsageError` and `BrokerUnavailable` as `replay` does."""
    known = tuple(_releases(settings, bootstrap))
    releases = chosen(known, wishes.targets, wishes.release_id)
    if not wishes.verify:
        _check_serving(known, releases)
    keys = tuple(release.record_key for release in releases)
    task = Task(source=wishes.source, releases=keys, selection=wishes.selection, kafka=settings.kafka or "")
    count = partition_counts(settings, bootstrap).get("summaries", 0)
    wanted = [p for p in wishes.selection.partitions(count) if wishes.partitions is None or p in wishes.partitions]
    resumed: tuple[int, ...] = ()
    if not wishes.verify:
        checkpoint = Checkpoint(settings.home, task)
        checkpoint.begin(restart=wishes.restart)
        resumed = checkpoint.done(wanted)
    left = tuple(p for p in wanted if p not in resumed)
    return Plan(
        releases=releases, known=known, task=task, count=count, partitions=left, resumed=resumed, verify=wishes.verify
    )


def carry_out(
    settings: Settings, bootstrap: str, found: Plan, *, on_report: Callable[[Report], None]
) -> Iterable[PartitionDone]:
    """Do the plan's partitions one after the other; raises as `replay` does."""
    scorer = ScoreProcessor(ReleaseShelf(settings.home, open_media(settings)).folder)
    for release in found.releases:
        scorer.hear(release)
    work = Work(
        settings=settings,
        bootstrap=bootstrap,
        task=found.task,
        count=found.count,
        ages=ages(found.known),
        scorer=scorer,
        on_report=on_report,
    )
    if found.verify:
        yield from (_told(work, verify_partition(work, partition)) for partition in found.partitions)
        return
    checkpoint = Checkpoint(settings.home, found.task)
    with BulkProducer(settings, bootstrap) as producer:
        for partition in found.partitions:
            yield _told(work, publish_partition(work, partition, producer, checkpoint))


def finish(settings: Settings, found: Plan, done: Sequence[PartitionDone]) -> Replayed:
    """Add partitions up, and let the next replay of the same task begin anew.

    Raises
    ------
    UsageError
        Not all of the plan's partitions were done.
    """
    if missing := set(found.partitions) - {part.partition for part in done}:
        raise UsageError(f"partitions {sorted(missing)} were not done; the same command again does the rest")
    if not found.verify:
        Checkpoint(settings.home, found.task).forget((*found.partitions, *found.resumed))
    targets = dict.fromkeys(target for part in done for target in part.comparisons)
    return Replayed(
        releases=found.task.releases,
        partitions=len(done),
        resumed=len(found.resumed),
        videos=sum(part.videos for part in done),
        made=sum(part.made for part in done),
        published=sum(part.published for part in done),
        unchanged=sum(part.unchanged for part in done),
        left=sum(part.left for part in done),
        restored=sum(part.restored for part in done),
        comparisons={target: total(part.comparisons[target] for part in done) for target in targets},
        changes=tuple(change for part in done for change in part.changes)[:CHANGES_SHOWN],
        skipped=tuple(line for part in done for line in part.skipped),
    )


def _check_serving(known: Sequence[Event], releases: Iterable[ReleasePublished]) -> None:
    """Only what serves may replace live predictions."""
    roster = Roster.of(known)
    for release in releases:
        if roster.serving(release.target) != release:
            raise UsageError(
                f"{release.record_key} does not serve, so its predictions must not replace the live ones; promote it "
                f"first: groundswell releases promote {release.record_key}; or compare only: --verify"
            )


def _told(work: Work, done: PartitionDone) -> PartitionDone:
    work.on_report(done)
    return done


def _releases(settings: Settings, bootstrap: str) -> list[ReleasePublished | RoleGiven]:
    records = latest_per_key(read_to_end(settings, bootstrap, ["releases"])).values()
    return [event for record in records if isinstance(event := event_of(record), ReleasePublished | RoleGiven)]
