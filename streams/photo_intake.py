"""Pictures that strangers send, to enrol somebody: decoded in a child process, looked at here."""

import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from schemas.commands import Photo
from schemas.errors import UsageError
from streams.settings import Settings

MOST_PHOTOS = 8
LARGEST_PHOTO_BYTES = 12 * 10**6
LONG_SIDE_PX = 2400
"""A larger picture is made smaller: no face is known better for having more pixels than that."""

DECODE_LIMIT_S = 30.0
PICTURE = "picture.npy"

_looking = threading.Lock()
"""One request at a time holds the networks, and a decoded picture, in memory."""


def photos_in(settings: Settings, pictures: Sequence[bytes]) -> tuple[Photo, ...]:
    """Find the one face in each picture; the pictures are not kept.

    Raises
    ------
    UsageError
        A picture shows nobody well enough, or more than one person; or there are too many, or too large ones.
    MediaUnreadable
        One is no picture.
    WeightsMissing
        The face networks cannot be fetched.
    """
    _check(pictures)
    with _looking, TemporaryDirectory() as folder:
        decoded = [_decode(settings, data, Path(folder) / str(place)) for place, data in enumerate(pictures)]
        return tuple(_photos(settings, pictures, decoded))


def decode(source: Path, folder: Path) -> Path:
    """Decode a picture file into `folder`; runs in a sandbox.

    Raises
    ------
    MediaUnreadable
        It is no picture.
    """
    import cv2

    from models.faces.photo import read_photo

    picture = read_photo(source)
    share = LONG_SIDE_PX / max(picture.shape[:2])
    if share < 1:
        size_px = (max(1, round(picture.shape[1] * share)), max(1, round(picture.shape[0] * share)))
        picture = np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA), np.uint8)
    np.save(folder / PICTURE, picture, allow_pickle=False)
    return folder / PICTURE


def _check(pictures: Sequence[bytes]) -> None:
    if not 0 < len(pictures) <= MOST_PHOTOS:
        raise UsageError(f"expected 1 to {MOST_PHOTOS} pictures of one person, got {len(pictures)}")
    for number, data in enumerate(pictures, 1):
        if not 0 < len(data) <= LARGEST_PHOTO_BYTES:
            raise UsageError(f"picture {number} has {len(data):,} bytes; expected 1 to {LARGEST_PHOTO_BYTES:,}")


def _decode(settings: Settings, data: bytes, folder: Path) -> Path:
    from streams.sandbox import ChildSandbox

    folder.mkdir()
    source = folder / "picture"
    source.write_bytes(data)
    # One call: a process to fork from would cost more than it saves.
    sandbox = ChildSandbox(memory_bytes=settings.decode_memory_mb * 2**20, timeout_s=DECODE_LIMIT_S, children="fresh")
    return sandbox.run(decode, source, folder)


def _photos(settings: Settings, pictures: Sequence[bytes], decoded: Sequence[Path]) -> list[Photo]:
    from models.faces.photo import faces_of
    from streams.face_photos import load_sight, photo_of

    sight = load_sight(settings)
    return [
        photo_of(sight, faces_of(sight, np.load(path, allow_pickle=False)), picture=data, name=f"picture {number}")
        for number, (data, path) in enumerate(zip(pictures, decoded, strict=True), 1)
    ]
