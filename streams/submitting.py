"""Turns what people type (links, files, lists of either) into submissions."""

import csv
import hashlib
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from processors.fetch_record import folder_of
from processors.ports import MediaStore
from schemas.errors import GroundswellError, UsageError
from schemas.event import Ref, derive_id
from schemas.links import LinkSubmitted, UploadedSubtitles
from streams.settings import Settings
from streams.sources.urls import clean, upload_video_id

LIST_SUFFIXES = {".csv", ".tsv", ".txt"}
SUBTITLE_SUFFIXES = {".srt", ".vtt"}
LINK_COLUMNS = ("url", "link", "video", "file", "path")
LONGEST_SUFFIX = 16
_REF_SAFE = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing to submit: a link or a local path, and where it was named."""

    source: str
    where: str
    title: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class BadEntry:
    """Something that cannot be submitted, where it stands and why."""

    where: str
    source: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the submitter wants for all of them."""

    targets: tuple[str, ...] = ()
    submitted_by: str = ""
    again: bool = False


def entries(arguments: Sequence[str], *, title: str = "", description: str = "") -> Iterator[Entry]:
    """List what was asked for; CSV, TSV and text files are opened and listed line by line.

    Raises
    ------
    UsageError
        A list cannot be read, or has no column of links.
    """
    for argument in arguments:
        path = Path(argument)
        if path.suffix.lower() in LIST_SUFFIXES and path.is_file():
            yield from _listed(path)
        else:
            yield Entry(source=argument, where=argument, title=title, description=description)


def submission(entry: Entry, wishes: Wishes, store: MediaStore, settings: Settings) -> LinkSubmitted | BadEntry:
    """Make the event of one entry; a local file is put into the media store first."""
    try:
        if "://" in entry.source:
            return _of_link(entry, wishes)
        return _of_file(entry, wishes, store, settings)
    except (GroundswellError, OSError) as error:
        return BadEntry(where=entry.where, source=entry.source, reason=str(error))


def _listed(path: Path) -> Iterator[Entry]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}; expected UTF-8 text") from error
    yield from listed(path, text)


def listed(path: PurePath, text: str) -> Iterator[Entry]:
    """List what a list names; `path` is only its name, whose ending tells CSV and TSV from plain lines.

    Raises
    ------
    UsageError
        No column of links, or nothing that can be told into columns.
    """
    if path.suffix.lower() == ".txt":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                yield Entry(source=_beside(path, line.strip()), where=f"{path.name}:{number}")
        return
    yield from _rows(path, text)


def _rows(path: PurePath, text: str) -> Iterator[Entry]:
    rows = csv.DictReader(text.splitlines(), delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    names = {(name or "").strip().lower(): name for name in _headings(rows, path)}
    column = next((names[wanted] for wanted in LINK_COLUMNS if wanted in names), None)
    if column is None:
        raise UsageError(f"{path.name} has no column of links; expected one called {', '.join(LINK_COLUMNS)}")
    for row in _readable(rows, path):
        source = (row[column] or "").strip()
        title, description = (str(row.get(names.get(n, ""), "") or "") for n in ("title", "description"))
        yield Entry(
            source=_beside(path, source), where=f"{path.name}:{rows.line_num}", title=title, description=description
        )


def _headings(rows: "csv.DictReader[str]", path: PurePath) -> Sequence[str]:
    try:
        return rows.fieldnames or ()
    except csv.Error as error:
        raise UsageError(f"the headings of {path.name} cannot be read: {error}") from error


def _readable(rows: "csv.DictReader[str]", path: PurePath) -> Iterator[dict[str, str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise UsageError(f"{path.name}:{rows.line_num} cannot be read: {error}") from error


def _beside(path: PurePath, source: str) -> str:
    """Paths in a list are relative to the list."""
    return source if "://" in source or not source else str(path.parent / source)


def _of_link(entry: Entry, wishes: Wishes) -> LinkSubmitted:
    link = clean(entry.source)
    return _event(entry, wishes, submission_id=str(uuid.uuid4()), video_id=link.video_id, url=link.url)


def _of_file(entry: Entry, wishes: Wishes, store: MediaStore, settings: Settings) -> LinkSubmitted:
    path = Path(entry.source)
    if not path.is_file():
        raise UsageError("neither a link (https://...) nor a file that is here")
    if path.stat().st_size > settings.fetch_max_bytes:
        raise UsageError(f"has {path.stat().st_size} bytes; at most {settings.fetch_max_bytes} are taken")
    sha256 = _sha256(path)
    _upload(store, upload_ref(sha256, path.name), path)
    subtitles = tuple(_subtitles(path, sha256, store))
    return of_upload(entry, wishes, sha256=sha256, name=path.name, subtitles=subtitles)


def upload_ref(sha256: str, name: str) -> Ref:
    """Say where an uploaded file lies in the media store: where the fetch stage would keep it too.

    Parameters
    ----------
    name : str
        As its owner calls it; only the letters and digits of its ending are used.
    """
    suffix = _REF_SAFE.sub("", Path(name).suffix.lower())[:LONGEST_SUFFIX] or "bin"
    return f"{folder_of(upload_video_id(sha256))}/media.{suffix}"


def of_upload(
    entry: Entry, wishes: Wishes, *, sha256: str, name: str, subtitles: tuple[UploadedSubtitles, ...] = (),
    submission_id: str = "",
) -> LinkSubmitted:  # fmt: skip
    """Make the event of a file that lies in the media store at its `upload_ref`.

    Parameters
    ----------
    submission_id : str
        The same one makes the same event id; a new one by default.
    """
    return _event(
        entry,
        wishes,
        submission_id=submission_id or str(uuid.uuid4()),
        video_id=upload_video_id(sha256),
        upload_ref=upload_ref(sha256, name),
        upload_name=name[:200],
        subtitles=subtitles,
    )


def _subtitles(video: Path, sha256: str, store: MediaStore) -> Iterator[UploadedSubtitles]:
    """Find subtitle files that lie beside a video: ``name.srt``, ``name.en.vtt``."""
    for path in sorted(video.parent.glob("*")):
        if path.suffix.lower() not in SUBTITLE_SUFFIXES or not path.name.startswith(video.stem + "."):
            continue
        language = path.name[len(video.stem) + 1 : -len(path.suffix)].strip(".") or "und"
        ref = f"uploads/{sha256}.{_sha256(path)[:16]}{path.suffix.lower()}"
        _upload(store, ref, path)
        yield UploadedSubtitles(ref=ref, language=language)


def _upload(store: MediaStore, ref: str, path: Path) -> None:
    if not store.exists(ref):
        store.put_file(ref, path)


def _event(entry: Entry, wishes: Wishes, *, submission_id: str, **fields: object) -> LinkSubmitted:
    return LinkSubmitted(
        event_id=derive_id("submit", "1", submission_id),
        submission_id=submission_id,
        submitted_at_s=round(time.time(), 3),
        title=entry.title,
        description=entry.description,
        targets=wishes.targets,
        submitted_by=wishes.submitted_by,
        again=wishes.again,
        **fields,  # type: ignore[arg-type]  # video_id and one of url and upload_ref
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
