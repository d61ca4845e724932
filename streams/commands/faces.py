"""``groundswell faces``: the face networks tried on pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import MediaUnreadable, UsageError
from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.face_photos import Comparison, PairCompared, PhotoAlbum

app = typer.Typer(no_args_is_help=True, help="Faces: find and compare them in pictures.")

Photo = Annotated[Path | None, typer.Argument(help="A picture: JPEG, PNG or WebP.")]
Pairs = Annotated[
    Path | None, typer.Option("--pairs", metavar="FILE.csv", help="Compare each row: two paths, relative to the file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object; with --pairs always one a row.")]


@app.callback()
def faces() -> None:
    """Faces: find and compare them in pictures."""


@app.command()
def compare(a: Photo = None, b: Photo = None, pairs: Pairs = None, as_json: AsJson = False) -> None:
    """Say whether the same person is in two pictures.

    Of pictures with several people the two faces that are most alike decide:

        groundswell faces compare A.jpg B.jpg --json

        groundswell faces compare --pairs FILE.csv
    """
    if (pairs is None) == (a is None or b is None) or (pairs is not None and a is not None):
        raise UsageError("give two pictures, or --pairs FILE.csv")
    if pairs is not None:
        _compare_pairs(pairs)
    elif a is not None and b is not None:
        _compare_two(a, b, as_json=as_json)


def _album() -> "PhotoAlbum":
    # OpenVINO and OpenCV take half a second to load, which no other command should wait for.
    from streams.face_photos import PhotoAlbum, load_sight

    return PhotoAlbum(load_sight(settings_module.load()))


def _compare_pairs(table: Path) -> None:
    from streams.face_photos import read_pairs

    rows = len(read_pairs(table))  # a table that cannot be read is said before the networks are loaded
    failed = [done["reason"] for done in map(_printed, _album().compare_pairs(table)) if done["reason"]]
    if failed:
        raise MediaUnreadable(f"{len(failed)} of {rows} pairs could not be compared; the first: {failed[0]}")


def _printed(pair: "PairCompared") -> "PairCompared":
    known = {name: value for name, value in pair.items() if name != "reason" or value is not None}
    typer.echo(json.dumps(known))
    return pair


def _compare_two(a: Path, b: Path, *, as_json: bool) -> None:
    done = _album().compare(a, b)
    if as_json:
        typer.echo(json.dumps(done))
    else:
        _tell(done)
    if done["reason"]:
        raise MediaUnreadable(f"{done['reason']}; give pictures in which a face is to be seen")


def _tell(done: "Comparison") -> None:
    for photo in (done["a"], done["b"]):
        sizes = ", ".join(f"{min(f['width_px'], f['height_px']):.0f} px" for f in photo["faces"])
        typer.echo(f"{photo['path']}: {_counted(len(photo['faces']))}" + (f" ({sizes})" if sizes else ""))
    if done["distance"] is not None:
        verdict = "the same person" if done["same"] else "different people"
        typer.echo(f"{verdict}: distance {done['distance']:.3f}, the same below {done['threshold']}")


def _counted(number: int) -> str:
    return f"{number} face" if number == 1 else f"{number} faces"
