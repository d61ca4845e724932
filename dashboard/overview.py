"""The whole system at one moment, as the operations page and the API tell of it."""

import msgspec

from dashboard.desk import Desk
from dashboard.sampling import Sample, Sampler, StageNow
from streams.scoreboard import BoardRow, by_week, parts_of, recent, warnings

MOST_WEEKS = 500
LITTLE_DISK_BYTES = 5 * 10**9
MUCH_LAG = 1000


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """A stage, and how many of its events wait as dead letters."""

    now: StageNow
    dead_letters: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator wants to see first.

    Attributes
    ----------
    sampled_at_s : float or None
        When stages were last looked at; None before the first time.
    problem : str
        Why that was not just now.
    serving : dict
        The release that serves, by target; None where all are retired or only shadows.
    recent : list of BoardRow
        For each release its newest weeks, as many as it takes to have 50 outcomes.
    weeks : list of BoardRow
        Week by week.
    """

    kafka: str
    sampled_at_s: float | None
    problem: str
    stages: list[StageState]
    dead_letters: int
    disk_bytes: dict[str, int]
    serving: dict[str, str | None]
    recent: list[BoardRow]
    weeks: list[BoardRow]
    warnings: list[str]


def overview(desk: Desk, sampler: Sampler, *, wait: bool = False) -> Overview:
    """Look at everything; Kafka is looked at in the background, see `Sampler.now`."""
    sample, letters = sampler.now(wait=wait), _dead(desk)
    parts = parts_of(desk.library.scores())
    board, serving = recent(parts), _serving(desk)
    return Overview(
        kafka=desk.bootstrap,
        sampled_at_s=sample.at_s,
        problem=sample.problem,
        stages=[StageState(now=now, dead_letters=_dead(desk, now.stage) if letters else 0) for now in sample.stages],
        dead_letters=letters,
        disk_bytes=sample.disk_bytes,
        serving=serving,
        recent=board,
        weeks=by_week(parts)[-MOST_WEEKS:],
        warnings=[*_of_system(sample, letters), *_silent(serving), *warnings(board)],
    )


def _dead(desk: Desk, stage: str = "") -> int:
    """How many dead letters wait; one is read with the count, and it may be large."""
    return desk.library.dead_letters(stage=stage, limit=1).total


def _serving(desk: Desk) -> dict[str, str | None]:
    rows = desk.library.releases()
    found: dict[str, str | None] = {row.release.target: None for row in rows}
    return found | {row.release.target: row.release.release_id for row in rows if row.role == "serving"}


def _silent(serving: dict[str, str | None]) -> list[str]:
    return [
        f"No release of {target} serves, so videos get no prediction of it: promote one under Models."
        for target, release_id in serving.items()
        if release_id is None
    ]


def _of_system(sample: Sample, dead_letters: int) -> list[str]:
    said = [sample.problem] if sample.problem else []
    idle = [now.stage for now in sample.stages if not now.workers]
    if idle:
        said.append(f"No worker runs for {', '.join(idle)}: groundswell up starts them all.")
    late = [f"{now.stage} ({now.lag:,})" for now in sample.stages if now.lag > MUCH_LAG and now.workers]
    if late:
        said.append(
            f"Events pile up before {', '.join(late)}: start more workers, as in groundswell up --workers text=2."
        )
    if 0 < sample.disk_bytes.get("free", LITTLE_DISK_BYTES) < LITTLE_DISK_BYTES:
        said.append(f"The disk has {sample.disk_bytes['free'] / 1e9:.1f} GB left: free some, or fetching will stop.")
    if dead_letters:
        wait, it = ("dead letter waits", "it") if dead_letters == 1 else ("dead letters wait", "them")
        said.append(f"{dead_letters:,} {wait} for somebody to look at {it}.")
    return said
