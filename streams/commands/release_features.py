"""The part of ``groundswell releases promote`` that lets the features stand which the release was taught on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from schemas.errors import ReleaseInvalid, StorageUnavailable
from schemas.releases import ReleasePublished

if TYPE_CHECKING:
    from streams.release_features import Step
    from streams.replay_stage import Reextracted
    from streams.settings import Settings

NAMES_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a promotion has to do about features, and what nobody should be surprised by afterwards."""

    steps: tuple["Step", ...] = ()
    warnings: tuple[str, ...] = ()


def plan(settings: "Settings", bootstrap: str, release: ReleasePublished) -> Plan:
    """Look which features the release was taught on, which stand, and which lie beside.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    OtherSize
        A release of another target could not read the features of this one.
    """
    from rich.console import Console
    from rich.progress import Progress

    from streams.release_features import check_others, manifest_of, read_past, steps, strangers

    try:
        taught = manifest_of(settings, release).taught_on
    except (ReleaseInvalid, StorageUnavailable) as error:
        return Plan(warnings=(f"nobody can tell which features it was taught on: {error}",))
    if not taught:
        return Plan()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looking who made which features", total=None)
        past = read_past(settings, bootstrap, on_read=lambda count: progress.update(task, completed=count))
    wanted = steps(taught, past)
    odd = strangers(taught, past, wanted).items()
    return Plan(
        steps=wanted,
        warnings=(
            *check_others(settings, bootstrap, release, wanted),
            *(f"of {count} of {len(past.standing)} videos {words}; their predictions say so" for words, count in odd),
            *((_advice(release),) if odd else ()),
        ),
    )


def carry_out(settings: "Settings", bootstrap: str, steps: tuple["Step", ...]) -> list["Reextracted"]:
    """Let features stand, stage by stage, with a bar; raises as `streams.release_features.let_stand`."""
    from rich.console import Console
    from rich.progress import Progress

    from streams.release_features import let_stand

    with Progress(console=Console(stderr=True), transient=True) as progress:

        def one(step: "Step") -> "Reextracted":
            task = progress.add_task(f"{step.stage} by {step.version}")
            return let_stand(
                settings, bootstrap, step,
                on_video=lambda number, of: progress.update(task, completed=number, total=of),
            )  # fmt: skip

        return [one(step) for step in steps]


def say(made: Plan, done: list["Reextracted"]) -> None:
    """Say what stands now, and what does not fit."""
    for one in done:
        typer.echo(f"{one.stage} by {one.version} stands now in {one.promoted} videos; `assemble` and `score` follow")
        if one.unfinished:
            names = ", ".join(one.unfinished[:NAMES_SHOWN])
            typer.echo(f"not in {len(one.unfinished)}, where it has not answered all: {names}")
        for line in one.skipped[:NAMES_SHOWN]:
            typer.echo(f"skipped: {line}")
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)


def _advice(release: ReleasePublished) -> str:
    return (
        "`groundswell replay --stage STAGE` answers them anew with the settings that it was taught with, then promote "
        f"again; or train again: `groundswell train {release.target}`"
    )
