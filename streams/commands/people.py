"""``groundswell people``: who is in the videos, by name, and what to do when the gallery is wrong."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.commands import (
    Command,
    CommandUndone,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
    TrackKey,
)
from schemas.errors import UsageError
from streams import settings as settings_module
from streams.aligned import aligned
from streams.text_safety import harmless

if TYPE_CHECKING:
    from typing import TypedDict

    from schemas.identities import IdentityRecorded
    from streams.people_table import Row
    from streams.settings import Settings

    class Stamp(TypedDict):
        """What every command has."""

        event_id: str
        given_at_s: float


LONGEST_NAME = 48
"""Characters of a name in a table; `--json` has all."""

app = typer.Typer(help="The gallery: who is in the videos. Every change can be taken back, but forgetting.")

Person = Annotated[str, typer.Argument(metavar="PERSON", help="Name, id, or how the id begins.")]
Track = Annotated[str, typer.Argument(metavar="VIDEO/SEGMENT/TRACK", help="As `groundswell people show` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.callback(invoke_without_command=True)
def people(
    context: typer.Context,
    table: Annotated[bool, typer.Option("--table", help="How much people and channels are seen, and how they do.")] = False,
    for_video: Annotated[str | None, typer.Option("--for", metavar="VIDEO_ID", help="As known when it was published.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """The gallery: who is in the videos. Every change can be taken back, but forgetting.

    groundswell people --table --csv
    """
    if context.invoked_subcommand is not None:
        return
    if not table:
        raise UsageError("say what to do: `groundswell people list`, `--table`, or see `groundswell people --help`")
    from streams.people_table import as_csv as csv_of
    from streams.people_table import read_known, rows_of

    rows = rows_of(read_known(*_place()), for_video=for_video)
    if as_json:
        typer.echo(msgspec.json.encode(rows))
    elif as_csv:
        typer.echo(csv_of(rows), nl=False)
    else:
        _print_table(rows)


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List everyone, most seen first.

    groundswell people list
    """
    from streams.people import everyone

    known = everyone(*_place())
    if as_json:
        typer.echo(msgspec.json.encode([_public(person) for person in known]))
        return
    _print_people(known)


@app.command("show")
def show(person: Person, as_json: AsJson = False) -> None:
    """Show somebody and each track of theirs.

    groundswell people show Ada
    """
    from streams.people import everyone, find, tracks_of

    settings, bootstrap = _place()
    found = find(everyone(settings, bootstrap), person)
    tracks = tracks_of(settings, bootstrap, found.identity_id)
    if as_json:
        typer.echo(msgspec.json.encode(_public(found) | {"tracks": tracks}))
        return
    _print_people([found])
    for track in tracks:
        times = f"{track.start_s:8.1f} - {track.end_s:.1f} s"
        typer.echo(f"  {track.track:40} {times:20} quality {track.quality:.2f}  {track.crop_ref or ''}")


@app.command("enrol")
def enrol(
    name: Annotated[str, typer.Argument(help="What they are called.")],
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Pictures of this one person.")],
    as_json: AsJson = False,
) -> None:
    """Say by photos what somebody is called, before or after they are seen.

    groundswell people enrol "Ada Lovelace" ada-1.jpg ada-2.jpg
    """
    from streams.people import checked_name, everyone, photos_of

    name = checked_name(name)
    settings, bootstrap = _place()
    same_name = [p.identity_id for p in everyone(settings, bootstrap) if p.name.casefold() == name.casefold()]
    if len(same_name) > 1:
        raise UsageError(f"{len(same_name)} people are called {name}; merge them first, or name the photos otherwise")
    taken = photos_of(settings, photos)
    joined = same_name[0] if same_name else None
    _ask(
        IdentityEnrolled(**_stamp(), name=name, photos=taken, identity_id=joined),
        as_json=as_json,
    )


@app.command("name")
def name_person(
    person: Person,
    name: Annotated[str, typer.Argument(help="What they are called; empty takes the name away.")],
    as_json: AsJson = False,
) -> None:
    """Give somebody a name.

    groundswell people name 3fa9 "Ada Lovelace"
    """
    from streams.people import checked_name

    called = checked_name(name) if name.strip() else ""
    _ask(IdentityNamed(**_stamp(), identity_id=_id_of(person), name=called), as_json=as_json)


@app.command("merge")
def merge(
    into: Annotated[str, typer.Argument(metavar="PERSON", help="Who stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Who is the same person.")],
    as_json: AsJson = False,
) -> None:
    """Say that two are one person.

    groundswell people merge Ada 77c1
    """
    _ask(IdentitiesMerged(**_stamp(), into_id=_id_of(into), from_id=_id_of(other)), as_json=as_json)


@app.command("split")
def split(
    person: Person,
    tracks: Annotated[list[str], typer.Argument(metavar="VIDEO/SEGMENT/TRACK...", help="Tracks of somebody else.")],
    as_json: AsJson = False,
) -> None:
    """Say that some tracks are another person's; the others are decided again between the two.

    groundswell people split Ada youtube:dQw4w9WgXcQ/3/0
    """
    _ask(IdentitySplit(**_stamp(), identity_id=_id_of(person), tracks=tuple(map(_track, tracks))), as_json=as_json)


@app.command("not")
def not_person(person: Person, track: Track, as_json: AsJson = False) -> None:
    """Say that a track is not this person, for ever.

    groundswell people not Ada youtube:dQw4w9WgXcQ/3/0
    """
    _ask(IdentityNot(**_stamp(), identity_id=_id_of(person), track=_track(track)), as_json=as_json)


@app.command("forget")
def forget(
    person: Person,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget somebody: faces, photos, name. This cannot be taken back; `groundswell erase` can prove it.

    groundswell people forget Ada
    """
    from streams.commands.erase import erase_one

    found = _id_of(person)
    if not yes:
        typer.confirm(f"forget {found} for ever?", abort=True)
    erased = erase_one(found)
    if as_json:
        typer.echo(msgspec.json.encode({"erased": erased.what, "records": erased.records, "files": erased.files}))
        return
    typer.echo(f"forgot {found}: {sum(erased.records.values())} records, {erased.files} files")


@app.command("undo")
def undo(
    command_id: Annotated[str | None, typer.Argument(metavar="[COMMAND]", help="By default the last one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a naming, enrolment, merge, split or "not" back.

    groundswell people undo
    """
    from streams.people import last_undoable

    undone = command_id or last_undoable(*_place()).event_id
    _ask(CommandUndone(**_stamp(), command_id=undone), as_json=as_json)


def _place() -> "tuple[Settings, str]":
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    return settings, bootstrap_of(settings)


def _stamp() -> "Stamp":
    from streams.people import new_id

    return {"event_id": new_id(), "given_at_s": time.time()}


def _id_of(person: str) -> str:
    from streams.people import everyone, find

    return find(everyone(*_place()), person).identity_id


def _track(text: str) -> str:
    try:
        return msgspec.convert(text, TrackKey)
    except msgspec.ValidationError as error:
        said = harmless(text, longest=LONGEST_NAME)
        raise UsageError(f"{said} names no track; expected VIDEO/SEGMENT/TRACK as `people show` prints it") from error


def _ask(command: Command, *, as_json: bool) -> None:
    """Send a command and say what came of it."""
    from streams.people import ask

    answer = ask(*_place(), command)
    if as_json:
        typer.echo(msgspec.json.encode(answer))
        return
    typer.echo(answer.message)
    if not isinstance(command, CommandUndone):
        typer.echo(f"take it back: groundswell people undo {command.event_id}")


def _public(person: "IdentityRecorded") -> dict[str, object]:
    """What JSON shows of somebody: everything but the vector."""
    fields = msgspec.to_builtins(person)
    return {name: value for name, value in fields.items() if name not in ("type", "event_id", "centroid")}


def _print_people(known: "list[IdentityRecorded]") -> None:
    if not known:
        typer.echo("nobody yet: people appear as videos are watched, or by `groundswell people enrol`")
        return
    rows = [
        (
            person.identity_id,
            harmless(person.name, longest=LONGEST_NAME),
            *map(str, (person.videos, person.tracks, person.photos)),
            f"{person.screen_s:.1f} s",
            ", ".join(person.cannot_link),
        )
        for person in known
    ]
    typer.echo(aligned(("id", "name", "videos", "tracks", "photos", "seen", "not"), rows))


def _print_table(rows: "list[Row]") -> None:
    cells = [
        (
            row.kind,
            harmless(row.name or row.id, longest=LONGEST_NAME),
            str(row.videos),
            "" if row.tracks is None else str(row.tracks),
            "" if row.screen_s is None else f"{row.screen_s:.1f} s",
            f"{row.share:.1%}",
            str(row.observed),
            "" if row.views is None else f"{row.views:,.0f}",
            "" if row.engagement is None else f"{row.engagement:.2%}",
        )
        for row in rows
    ]
    header = ("kind", "who", "videos", "tracks", "seen", "share", "with outcome", "views", "engagement")
    typer.echo(aligned(header, cells))
