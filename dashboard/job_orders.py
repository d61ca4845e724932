"""What jobs may be asked for, and the words of the command line that each of them is."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from schemas.event import VideoId
from schemas.releases import ReleaseId, TargetName
from streams.rescoring import Source

REPORT = "report.html"
TABLE = "table"
MOST_PROCESSES = 8
FLAGS = ("candidate", "force", "verify", "restart", "prove")

Day = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$(?!\n)")]
Suffix = Literal[".csv", ".tsv", ".jsonl", ".json", ".xlsx", ".csv.gz", ".tsv.gz", ".jsonl.gz"]

Lane = Literal["heavy", "light"]
"""One job of each lane runs at a time: whoever is to be forgotten does not wait for a training."""


class TrainOrder(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="train"):
    """Learn a target from everything on the topics; `candidate` scores in the shadow, `force` even if it is weak."""

    target: TargetName
    candidate: bool = False
    force: bool = False

    lane: ClassVar[Lane] = "heavy"


class ReplayOrder(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="replay"):
    """Score past videos again with what serves, or with `verify` prove that nothing changed."""

    targets: Annotated[tuple[TargetName, ...], msgspec.Meta(max_length=20)] = ()
    source: Source = "summaries"
    verify: bool = False
    release_id: ReleaseId | None = None
    since: Day = ""
    restart: bool = False
    processes: Annotated[int, msgspec.Meta(ge=1, le=MOST_PROCESSES)] = 1

    lane: ClassVar[Lane] = "heavy"


class ImportOrder(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="import"):
    """Bring in the table that lies in the job's folder; `target` says whose classes, for labels."""

    what: Literal["outcomes", "labels"]
    suffix: Suffix
    target: TargetName | None = None

    lane: ClassVar[Lane] = "heavy"


class EraseOrder(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="erase"):
    """Erase a video or forget a person (ids look alike), for ever; with `prove` look for what is left."""

    what: VideoId
    prove: bool = False

    lane: ClassVar[Lane] = "light"


Order: TypeAlias = TrainOrder | ReplayOrder | ImportOrder | EraseOrder


def words_of(order: Order, folder: Path) -> list[str]:
    """Write an order as words of the command line.

    Parameters
    ----------
    folder : Path
        The job's, for what it reads and leaves behind.
    """
    match order:
        case TrainOrder():
            return ["train", f"--report={folder / REPORT}", *_flags(order), "--json", "--", order.target]
        case ReplayOrder():
            return ["replay", *_replayed(order), *_flags(order), "--json"]
        case ImportOrder():
            target = [f"--target={order.target}"] if order.target else []
            return ["import", order.what, *target, "--json", "--", str(folder / f"{TABLE}{order.suffix}")]
        case EraseOrder():
            return ["erase", *_flags(order), "--yes", "--json", "--", order.what]


def _flags(order: Order) -> list[str]:
    return [f"--{name}" for name in FLAGS if getattr(order, name, False)]


def _replayed(order: ReplayOrder) -> list[str]:
    said = [f"--target={target}" for target in order.targets]
    said += [f"--from={order.source}", f"--processes={order.processes}"]
    said += [f"--release={order.release_id}"] if order.release_id else []
    return said + ([f"--since={order.since}"] if order.since else [])
