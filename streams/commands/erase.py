"""``groundswell erase``: a person or a video goes for ever, and it can be proved."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import GroundswellError
from streams import settings as settings_module
from streams.text_safety import harmless

if TYPE_CHECKING:
    from streams.erasure import Erased
    from streams.erasure_proof import Proof


NAME = "a name"
"""How `streams.traces.Search` calls it."""

MOST_FINDINGS = 20


class ErasureIncomplete(GroundswellError):
    """Something of what was erased is still there."""


def erase(
    what: Annotated[str, typer.Argument(metavar="VIDEO|PERSON", help="Video id, or a person's name or id.")],
    prove: Annotated[bool, typer.Option("--prove", help="Compact, then look through everything that is stored.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:  # fmt: skip
    """Erase a video or a person: records, faces, files, names. This cannot be taken back.

    groundswell erase youtube:dQw4w9WgXcQ --prove
    groundswell erase Ada --prove
    """
    if not yes:
        typer.confirm(f"erase {harmless(what)} for ever?", abort=True)
    erased = erase_one(what)
    proof = _prove(erased) if prove else None
    _tell(erased, proof, as_json=as_json)
    if erased.at_work:
        names = ", ".join(erased.at_work)
        raise ErasureIncomplete(f"{names} still worked on {erased.what}; erase it once more when `status` shows no lag")
    if proof is not None and not proof.holds:
        raise ErasureIncomplete(f"{_some(len(proof.findings), 'trace')} left; the first: {proof.findings[0].where}")


def erase_one(what: str) -> "Erased":
    """Erase whatever is meant: a video where the text is the id of one, else a person.

    Raises
    ------
    UsageError
        Neither is known.
    """
    from streams.erasure import erase_person, erase_video
    from streams.kafka.connection import bootstrap_of
    from streams.people import everyone, find

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    if ":" in what and not what.startswith("person:"):
        return erase_video(settings, bootstrap, what, say=_say_once())
    return erase_person(settings, bootstrap, find(everyone(settings, bootstrap), what))


def _prove(erased: "Erased") -> "Proof":
    from streams.erasure_proof import prove
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    return prove(settings, bootstrap_of(settings), erased.traces, say=_say_once())


def _say_once() -> Callable[[str], None]:
    """Say a line on standard error, and not again while it stays the same."""
    said: list[str] = []

    def say(line: str) -> None:
        if line not in said[-1:]:
            said.append(line)
            typer.echo(line, err=True)

    return say


def _tell(erased: "Erased", proof: "Proof | None", *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(_public(erased) | {"proof": proof}))
        return
    copies = f" and its copies {', '.join(erased.copies)}" if erased.copies else ""
    typer.echo(f"erased {erased.what}{copies}")
    topics = ", ".join(f"{name} {count}" for name, count in sorted(erased.records.items()))
    typer.echo(f"  deleted   {_some(sum(erased.records.values()), 'record')} ({topics}), {_some(erased.files, 'file')}")
    if proof is None:
        typer.echo(
            "  Kafka keeps what was deleted until it compacts a topic, or its time is over; --prove makes it do so now"
        )
        return
    typer.echo(f"  sought    {_sought(erased)}")
    typer.echo(
        f"  searched  {_some(proof.records, 'record')} of {_some(proof.topics, 'topic')} and "
        f"{_some(proof.files, 'file')}, {proof.bytes / 1e6:,.0f} MB"
    )
    typer.echo(
        f"  found     {_some(len(proof.findings), 'trace') if proof.findings else 'nothing: the erasure is proved'}"
    )
    for finding in proof.findings[:MOST_FINDINGS]:
        typer.echo(f"    {finding.what}: {harmless(finding.where)}")
    if any(finding.what == NAME for finding in proof.findings):
        typer.echo(
            "  a name in a video's own title, link or words goes with that video: groundswell erase VIDEO --prove"
        )


def _public(erased: "Erased") -> dict[str, object]:
    """What JSON says of an erasure: everything but what was erased."""
    fields = msgspec.to_builtins(erased)
    return {name: fields[name] for name in ("what", "copies", "records", "files", "at_work")} | {
        "sought": {name: len(found) for name, found in msgspec.structs.asdict(erased.traces).items()}
    }


def _sought(erased: "Erased") -> str:
    traces = erased.traces
    word = "name" if erased.what.startswith("person:") else "title or address"
    parts = (len(traces.names), word), (len(traces.refs), "reference"), (len(traces.vectors), "face vector")
    return ", ".join(_some(count, what) for count, what in parts)


def _some(count: int, what: str) -> str:
    plural = {"title or address": "titles and addresses"}.get(what, f"{what}s")
    return f"{count:,} {what if count == 1 else plural}"
