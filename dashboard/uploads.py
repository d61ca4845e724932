"""Files that come in, in as many pieces as it takes: what is here of each, and what becomes of a whole one.

``HOME/dashboard/uploads`` holds two files of each: ``ID.json`` says what it is, ``ID.part`` has the bytes so far.
"""

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

import msgspec

from dashboard.desk import Desk
from dashboard.problems import Problem, not_found
from dashboard.submissions import about_known
from schemas.errors import StorageUnavailable
from schemas.event import VideoId
from streams.sources.urls import upload_video_id
from streams.submitting import Entry, Wishes, of_upload, upload_ref
from streams.whole_files import write_whole

FOLDER = Path("dashboard", "uploads")
"""In the home."""

STALE_S = 24 * 3600.0
MOST_AT_ONCE = 200
SPARE_BYTES = 64 * 2**20
"""Stays free on the disk: the broker and the library write there too."""

READ_BYTES = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

UploadId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]


class Wish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file is called, and what is wanted of it. `size_bytes` None: nobody said."""

    name: str
    size_bytes: int | None = None
    title: str = ""
    description: str = ""
    targets: tuple[str, ...] = ()
    again: bool = False
    by: str = ""


class Upload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file on its way in.

    Attributes
    ----------
    offset_bytes : int
        How much is here: the next piece begins there.
    state : str
        ``receiving``, or ``finished``: submitted as `video_id`.
    warnings : tuple of str
        What to expect of it.
    """

    upload_id: UploadId
    wish: Wish
    begun_at_s: float
    offset_bytes: int = 0
    state: Literal["receiving", "finished"] = "receiving"
    sha256: str = ""
    video_id: VideoId | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.offset_bytes == self.wish.size_bytes


class Uploads:
    """The uploads of one home. Safe to use from several threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._folder = desk.settings.home / FOLDER
        self._pieces: dict[str, Pieces] = {}
        self._lock = Lock()

    def begin(self, wish: Wish, warnings: tuple[str, ...] = ()) -> Upload:
        """Make room for a file; `warnings` go with it.

        Raises
        ------
        Problem
            It is too large, the disk has no room for it, or too many are unfinished.
        """
        self.sweep()
        self._check_room(wish)
        upload = Upload(upload_id=secrets.token_hex(16), wish=wish, begun_at_s=round(time.time(), 3), warnings=warnings)
        with disk_in_words():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._part(upload.upload_id).touch()
            self._save(upload)
        return upload

    def one(self, upload_id: str) -> Upload:
        """How far an upload is.

        Raises
        ------
        Problem
            There is none of that id; stale ones go after a day.
        """
        try:
            upload = msgspec.json.decode(self._note(upload_id).read_bytes(), type=Upload)
            if upload.sha256:
                return upload
            return msgspec.structs.replace(upload, offset_bytes=self._part(upload_id).stat().st_size)
        except (OSError, msgspec.DecodeError) as error:
            raise not_found("upload", upload_id) from error

    def list(self, *, by: str) -> list[Upload]:
        """Somebody's uploads of the last day, the newest first."""
        found = list[Upload]()
        for path in self._folder.glob("*.json"):
            with suppress(Problem):
                found.append(self.one(path.stem))
        mine = (upload for upload in found if upload.wish.by == by)
        return sorted(mine, key=lambda upload: upload.begun_at_s, reverse=True)[:MOST_AT_ONCE]

    def pieces(self, upload_id: str) -> "Pieces":
        """What takes the next pieces of an upload; whoever took them before is stopped.

        Raises
        ------
        Problem
            There is no such upload.
        """
        self.one(upload_id)
        with self._lock:
            return self._pieces.setdefault(upload_id, Pieces(self._part(upload_id)))

    def most_bytes(self, upload: Upload) -> int:
        """How long it may become."""
        size = upload.wish.size_bytes
        return self._desk.settings.fetch_max_bytes if size is None else size

    def came_to_end(self, upload_id: str) -> Upload:
        """How far an upload is when a piece has ended; one of unknown length is whole then."""
        upload = self.one(upload_id)
        if upload.wish.size_bytes is not None:
            return upload
        wish = msgspec.structs.replace(upload.wish, size_bytes=upload.offset_bytes)
        whole = msgspec.structs.replace(upload, wish=wish)
        with disk_in_words():
            self._save(whole)
        return whole

    def finish(self, upload_id: str) -> Upload:
        """Put a whole file into the media store and submit it. Again it changes nothing.

        Raises
        ------
        Problem
            It is not whole, or empty.
        StorageUnavailable, BrokerUnavailable
            Try again: nothing is lost.
        """
        pieces = self.pieces(upload_id)
        with pieces.lock:
            upload = self.one(upload_id)
            if upload.state == "finished":
                return upload
            if not upload.sha256:
                upload = self._hashed(upload, pieces)
            done = self._submit(upload)
        with self._lock:
            self._pieces.pop(upload_id, None)
        return done

    def drop(self, upload_id: str) -> None:
        """Forget an upload, and what came of it; a finished one stays submitted."""
        self.one(upload_id)
        with self._lock:
            self._pieces.pop(upload_id, None)
        for path in (self._part(upload_id), self._note(upload_id)):
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what nobody went on with for a day."""
        for path in [*self._folder.glob("*.json"), *self._folder.glob("*.part"), *self._folder.glob("*.new")]:
            with suppress(OSError):
                if time.time() - max(p.stat().st_mtime for p in self._folder.glob(f"{path.stem}.*")) > STALE_S:
                    path.unlink()

    def forget(self, video_id: VideoId) -> None:
        """Drop the notes of a video that is erased."""
        for path in self._folder.glob("*.json"):
            with suppress(Problem):
                if self.one(path.stem).video_id == video_id:
                    self.drop(path.stem)

    def _check_room(self, wish: Wish) -> None:
        most, size = self._desk.settings.fetch_max_bytes, wish.size_bytes or 0
        if size > most:
            raise too_large(most)
        if sum(1 for _ in self._folder.glob("*.part")) >= MOST_AT_ONCE:
            detail = f"{MOST_AT_ONCE} uploads are unfinished; finish or delete some (DELETE /v1/uploads/ID)"
            raise Problem(429, "too-many-uploads", "Too many uploads at once", detail=detail)
        with disk_in_words():
            self._folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._folder).free
        if size + SPARE_BYTES > free:
            raise disk_full(f"{size:,} bytes are to come, and {free:,} are free")

    def _hashed(self, upload: Upload, pieces: "Pieces") -> Upload:
        """Write down what the whole file is, before it leaves its place."""
        if upload.offset_bytes == 0:
            raise Problem(422, "empty", "The file is empty", detail="no bytes came; is it the right file?")
        if not upload.is_whole:
            raise Problem(
                409, "not-whole", "The file is not whole", detail=f"{upload.offset_bytes:,} bytes are here",
                offset_bytes=upload.offset_bytes,
            )  # fmt: skip
        hashed = msgspec.structs.replace(upload, sha256=pieces.sha256())
        with disk_in_words():
            self._save(hashed)
        return hashed

    def _submit(self, upload: Upload) -> Upload:
        part, ref = self._part(upload.upload_id), upload_ref(upload.sha256, upload.wish.name)
        if not self._desk.store.exists(ref):
            self._desk.store.take_file(ref, part)
        part.unlink(missing_ok=True)
        wish, video_id = upload.wish, upload_video_id(upload.sha256)
        rows = self._desk.library.rows([video_id])
        event = of_upload(
            Entry(source="", where="", title=wish.title, description=wish.description),
            Wishes(targets=wish.targets, submitted_by=wish.by, again=wish.again),
            sha256=upload.sha256,
            name=wish.name,
            submission_id=upload.upload_id,
        )
        self._desk.topics.send([event])
        warnings = (line for row in rows for line in about_known(row, again=wish.again))
        done = msgspec.structs.replace(
            upload, state="finished", video_id=video_id, warnings=(*upload.warnings, *warnings)
        )
        self._save(done)
        return done

    def _save(self, upload: Upload) -> None:
        write_whole(self._note(upload.upload_id), msgspec.json.encode(upload))

    def _part(self, upload_id: str) -> Path:
        return self._folder / f"{_checked(upload_id)}.part"

    def _note(self, upload_id: str) -> Path:
        return self._folder / f"{_checked(upload_id)}.json"


class Pieces:
    """Appends to one file and hashes on the way; the last one who `take`s it may write.

    Parameters
    ----------
    path : Path
        May have bytes already: those are read once, when the hash is wanted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = object()
        self._hash, self._hashed_bytes = hashlib.sha256(), 0
        self.lock = Lock()

    def take(self) -> object:
        """Become the one who writes: a connection that broke may still hang about."""
        with self.lock:
            self._owner = object()
            return self._owner

    def write(self, owner: object, block: bytes, *, at: int, most_bytes: int) -> int:
        """Append a block; where the next one goes.

        Raises
        ------
        Problem
            Somebody else writes now, the block does not fit in there, or the disk is full.
        """
        with self.lock, disk_in_words():
            if owner is not self._owner:
                raise taken_over()
            size = self._path.stat().st_size
            if at != size:
                raise wrong_offset(size)
            if size + len(block) > most_bytes:
                raise too_large(most_bytes)
            self._append(block, size)
            if self._hashed_bytes == size:
                self._hash.update(block)
                self._hashed_bytes += len(block)
            return size + len(block)

    def sha256(self) -> str:
        """Of the whole file, as 64 hex digits; what was written before a restart is read again."""
        with disk_in_words(), self._path.open("rb") as file:
            os.fsync(file.fileno())
            file.seek(self._hashed_bytes)
            while block := file.read(READ_BYTES):
                self._hash.update(block)
                self._hashed_bytes += len(block)
        return self._hash.hexdigest()

    def _append(self, block: bytes, size: int) -> None:
        with self._path.open("r+b") as file:
            file.seek(size)
            try:
                file.write(block)
                file.flush()
            except OSError:
                with suppress(OSError):  # a part of a block would be hashed by nobody
                    os.truncate(self._path, size)
                raise


@contextmanager
def disk_in_words() -> Iterator[None]:
    """Say of a full disk that it is full.

    Raises
    ------
    Problem
        507, when there is no room.
    StorageUnavailable
        Anything else is wrong with it.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(str(error)) from error
        raise StorageUnavailable(f"uploads cannot be kept: {error}") from error


def disk_full(why: str) -> Problem:
    """There is no room."""
    return Problem(507, "disk-full", "The disk is full", detail=f"{why}; make room, then go on where it stopped")


def too_large(most_bytes: int) -> Problem:
    """More bytes than are taken."""
    return Problem(413, "too-large", "The file is too large", detail=f"at most {most_bytes:,} bytes are taken")


def wrong_offset(size: int) -> Problem:
    """A piece that does not begin where the last one ended."""
    return Problem(
        409, "wrong-offset", "The piece does not fit", detail=f"{size:,} bytes are here; go on from there",
        headers={"Upload-Offset": str(size)}, offset_bytes=size,
    )  # fmt: skip


def taken_over() -> Problem:
    """Another connection goes on with this upload."""
    return Problem(409, "taken-over", "Another connection sends this file now", detail="ask with HEAD how far it is")


def _checked(upload_id: str) -> str:
    try:
        return msgspec.convert(upload_id, UploadId)
    except msgspec.ValidationError as error:
        raise not_found("upload", upload_id[:60]) from error
