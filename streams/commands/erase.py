"""``groundswell erase``: a person or a video goes for ever, and it can be proved."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import GroundswellError
from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.erasure import Erased
    from streams.erasure_proof import Proof


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
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    if not yes:
        typer.confirm(f"erase {what} for ever?", abort=True)
    erased = erase_one(what)
    proof = None
    if prove:
        from streams.erasure_proof import prove as look

        proof = look(settings, bootstrap, erased.traces)
    _tell(erased, proof, as_json=as_json)
    if proof is not None and not proof.holds:
        raise ErasureIncomplete(f"{len(proof.findings)} traces are left; the first: {proof.findings[0].where}")


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
        return erase_video(settings, bootstrap, what)
    return erase_person(settings, bootstrap, find(everyone(settings, bootstrap), what))


def _tell(erased: "Erased", proof: "Proof | None", *, as_json: bool) -> None:
    if as_json:
        done = {"erased": erased.what, "records": erased.records, "files": erased.files, "proof": proof}
        typer.echo(msgspec.json.encode(done))
        return
    typer.echo(f"erased {erased.what}: {erased.records} records, {erased.files} files")
    if proof is None:
        return
    looked = f"{proof.records} records of {proof.topics} topics and {proof.files} files"
    if proof.holds:
        typer.echo(f"proved: no name, reference or vector is left in {looked}")
        return
    typer.echo(f"looked through {looked}:")
    for finding in proof.findings:
        typer.echo(f"  {finding.where}: {finding.what}")
