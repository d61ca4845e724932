"""``groundswell releases``: which release serves, which scores in its shadow, and how two of them compare."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import ReleaseInvalid, StorageUnavailable, UsageError
from schemas.promotions import Role
from schemas.releases import ReleasePublished
from streams import settings as settings_module
from streams.text_safety import harmless

if TYPE_CHECKING:
    from models.taught_on import TaughtOn
    from processors.active_releases import Roster
    from streams.release_comparison import OnBoth

app = typer.Typer(help="Releases: which one serves, which score in its shadow.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
Named = Annotated[str, typer.Argument(metavar="RELEASE", help="TARGET/RELEASE, or the id alone where it is one target's.")]  # fmt: skip

_MEANS: Mapping[Role, str] = {
    "promoted": "serves; `groundswell replay --target {target}` rescores the past",
    "shadow": "scores in the shadow, on topic shadows",
    "retired": "is retired",
}
"""What a release that was given a role does from then on."""


class ReleaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A release as it is listed; `serves` is true for one of each target's at most."""

    target: str
    release_id: str
    role: Role
    serves: bool
    trained_at_s: float
    rows: int
    beats_constant: bool
    metrics: dict[str, float]


@app.command("list")
def list_releases(
    target: Annotated[str, typer.Option(help="Of this target only.")] = "", as_json: AsJson = False
) -> None:
    """List every release, what it is now, and whether it serves.

    groundswell releases list
    groundswell releases list --target virality --json
    """
    from rich.console import Console
    from rich.table import Table

    rows = [row for row in _rows(_roster()) if target in ("", row.target)]
    if as_json:
        for row in rows:
            typer.echo(msgspec.json.encode(row))
        return
    table = Table("release", "now", "trained", "videos", "beats a constant", box=None, pad_edge=False)
    for row in rows:
        now = "serves" if row.serves else "waits behind" if row.role == "promoted" else row.role
        day = time.strftime("%Y-%m-%d", time.gmtime(row.trained_at_s))
        table.add_row(f"{row.target}/{row.release_id}", now, day, str(row.rows), "yes" if row.beats_constant else "no")
    Console().print(table)


@app.command("show")
def show(name: Named, as_json: AsJson = False) -> None:
    """Show a release: what it was taught on, how good it is, what it is now.

    groundswell releases show virality/us-2017-autumn
    """
    from streams.release_roles import find_release

    roster = _roster()
    release = find_release(roster, name)
    row = next(r for r in _rows(roster) if (r.target, r.release_id) == (release.target, release.release_id))
    if as_json:
        taught = _taught_on(release)
        typer.echo(msgspec.json.encode({**msgspec.structs.asdict(row), "taught_on": taught, "card": release.card}))
        return
    typer.echo(f"{release.record_key}: {row.role}{', serves now' if row.serves else ''}")
    for metric, value in sorted(row.metrics.items()):
        typer.echo(f"  {value:>10.4g}  {metric.replace('_', ' ')}")
    typer.echo("\n".join(harmless(line, longest=500) for line in release.card.splitlines()))


@app.command("promote")
def promote(
    name: Named,
    features: Annotated[bool, typer.Option(help="Let the features stand too that it was taught on.")] = True,
    as_json: AsJson = False,
) -> None:
    """Let a release serve from now on; running workers switch without a restart.

    Features that it was taught on and that lie beside others (groundswell replay --stage) stand from now on too.
    Stop it as you like: the same command goes on where it was.

    groundswell releases promote virality/20261101-090000
    groundswell replay --target virality
    """
    from streams.commands.release_features import Plan, carry_out, plan, say
    from streams.kafka.connection import bootstrap_of
    from streams.release_roles import find_release, give_role

    settings = settings_module.load()
    bootstrap, release = bootstrap_of(settings), find_release(_roster(), name)
    made = plan(settings, bootstrap, release) if features else Plan()
    given = give_role(settings, bootstrap, release, role="promoted")
    if not as_json:
        typer.echo(f"{release.record_key} {_MEANS['promoted'].format(target=release.target)}")
    done = carry_out(settings, bootstrap, made.steps)
    if as_json:
        typer.echo(msgspec.json.encode(msgspec.to_builtins(given) | {"features": done, "warnings": made.warnings}))
    else:
        say(made, done)


@app.command("shadow")
def shadow(name: Named, as_json: AsJson = False) -> None:
    """Let a release score beside the one that serves; what it says stays apart.

    groundswell releases shadow virality/20261101-090000
    """
    _give(name, "shadow", as_json=as_json)


@app.command("retire")
def retire(name: Named, as_json: AsJson = False) -> None:
    """Use a release no more; the one that was promoted before it serves again.

    groundswell releases retire virality/20261101-090000
    """
    _give(name, "retired", as_json=as_json)


@app.command("compare")
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A release: TARGET/RELEASE.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one of the same target.")],
    as_json: AsJson = False,
) -> None:
    """Put two releases side by side: measured in training, and on the videos that both have scored.

    groundswell releases compare virality/us-2017-autumn virality/20261101-090000
    """
    from streams.kafka.connection import bootstrap_of
    from streams.release_comparison import metrics_of, on_both, read_said
    from streams.release_roles import find_release
    from streams.target_shelf import read_shelf

    settings = settings_module.load()
    bootstrap, roster = bootstrap_of(settings), _roster()
    one, other = find_release(roster, a), find_release(roster, b)
    if one.target != other.target:
        raise UsageError(f"expected two releases of one target, got {one.record_key} and {other.record_key}")
    target = next((t for t in read_shelf(settings, bootstrap).newest() if t.name == one.target), None)
    both = on_both(read_said(settings, bootstrap, one, other), one, other, target)
    if as_json:
        answer = {"a": one.record_key, "b": other.record_key, "metrics": metrics_of(one, other), "videos": both}
        typer.echo(msgspec.json.encode(answer))
        return
    _print_comparison(one, other, both)


def _print_comparison(a: ReleasePublished, b: ReleasePublished, both: "OnBoth") -> None:
    from rich.console import Console
    from rich.table import Table

    from streams.release_comparison import metrics_of

    table = Table("", a.record_key, b.record_key, box=None, pad_edge=False)
    for metric, values in metrics_of(a, b).items():
        table.add_row(metric.replace("_", " "), *map(_figure, values))
    if both.with_outcome:
        table.add_row(f"error on {both.with_outcome} outcomes", _figure(both.error_a), _figure(both.error_b))
        table.add_row("larger error, share", _figure(both.share_a_worse), _figure(both.share_b_worse))
    Console().print(table)
    typer.echo(f"videos that both have scored: {both.videos}")
    for name, difference in both.classes.items():
        typer.echo(f"  {harmless(name)}: {difference * 100:+.1f} points in the mean")
    if both.videos and not both.classes:
        typer.echo(f"  mean difference {_figure(both.mean_difference)}, correlation {_figure(both.correlation)}")
        typer.echo("" if both.with_outcome else "  no outcome yet that both could not have learned from")


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _give(name: str, role: Role, *, as_json: bool) -> None:
    from streams.kafka.connection import bootstrap_of
    from streams.release_roles import find_release, give_role

    settings = settings_module.load()
    release = find_release(_roster(), name)
    given = give_role(settings, bootstrap_of(settings), release, role=role)
    if as_json:
        typer.echo(msgspec.json.encode(given))
        return
    typer.echo(f"{release.record_key} {_MEANS[role].format(target=release.target)}")
    _say_who_serves(release.target)


def _taught_on(release: ReleasePublished) -> "TaughtOn | None":
    """Versions of the models that made its examples; None where it is not on the shelf."""
    from streams.release_features import manifest_of

    try:
        return manifest_of(settings_module.load(), release).taught_on
    except (ReleaseInvalid, StorageUnavailable):
        return None


def _say_who_serves(target: str) -> None:
    serving = _roster().serving(target)
    if serving:
        typer.echo(f"{serving.record_key} serves")
    else:
        typer.echo(f"no release of {target} serves now: videos get no prediction of it until one is promoted")


def _roster() -> "Roster":
    from streams.kafka.connection import bootstrap_of
    from streams.release_roles import read_roster

    settings = settings_module.load()
    return read_roster(settings, bootstrap_of(settings))


def _rows(roster: "Roster") -> list[ReleaseRow]:
    return [
        ReleaseRow(
            target=event.target,
            release_id=event.release_id,
            role=roster.role(name),
            serves=roster.serving(event.target) == event,
            trained_at_s=event.trained_at_s,
            rows=event.rows,
            beats_constant=event.beats_constant,
            metrics=event.metrics,
        )
        for name, event in sorted(roster.published.items())
    ]
