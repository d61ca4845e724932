"""Faces in picture files: the one that enrols somebody, and how alike two are (``groundswell faces compare``)."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from models.faces.choices import networks
from models.faces.compare import is_same
from models.faces.photo import PhotoFace, closest, faces_of, read_photo
from models.faces.sighting import FaceSight
from models.vectors import to_vector
from schemas.commands import Photo
from schemas.errors import MediaUnreadable, UsageError
from streams.settings import Settings
from streams.storage.weights import WeightsCache

WEIGHTS = ("centerface", "dlib-face")

_DIGITS = 4
_PIXEL_DIGITS = 1


class FaceFound(TypedDict):
    """A face as JSON prints it."""

    left_px: float
    top_px: float
    width_px: float
    height_px: float
    score: float
    quality: float
    reasons: list[str]


class PhotoSeen(TypedDict):
    """A picture and its faces."""

    path: str
    faces: list[FaceFound]


class Comparison(TypedDict):
    """Two pictures; `face` are the positions of the two faces that are most alike.

    Without a face in both, `distance`, `same` and `face` are None and `reason` says why.
    """

    a: PhotoSeen
    b: PhotoSeen
    distance: float | None
    same: bool | None
    threshold: float
    face: list[int] | None
    reason: str | None


class PairCompared(TypedDict):
    """A row of a table of pairs; `reason` says why there is no distance."""

    a: str
    b: str
    distance: float | None
    same: bool | None
    reason: str | None


def load_sight(settings: Settings) -> FaceSight:
    """Make the face networks ready; they are fetched when they are not here.

    Raises
    ------
    WeightsMissing
        They cannot be fetched.
    """
    cache, options = WeightsCache(settings.cache_folder), settings.options()
    detector, encoder = (options.chosen(name) for name in WEIGHTS)
    return FaceSight.load(
        cache.fetch(detector),
        cache.fetch(encoder),
        networks=networks(detector, encoder),
        inference=settings.options().inference,
        size_px=settings.face_size_px,
        least_px=settings.face_min_px,
        least_quality=settings.face_min_quality,
    )


def photo_of(sight: FaceSight, faces: Sequence[PhotoFace], *, picture: bytes, name: str) -> Photo:
    """Take the one good face of a picture file, to enrol somebody; `name` is what an error calls the file.

    Raises
    ------
    UsageError
        It shows nobody well enough, or more than one person.
    """
    good = [face for face in faces if face.is_good]
    if len(good) != 1:
        raise UsageError(
            f"{name} shows {len(good)} faces well enough; give a picture of one person, from the front and sharp"
        )
    return Photo(
        sha256=hashlib.sha256(picture).hexdigest(),
        quality=good[0].sighting.quality.value,
        vector=to_vector(good[0].vector),
        model=sight.model,
        model_version=sight.version,
    )


class PhotoAlbum:
    """Pictures whose faces `sight` found before: a table of pairs names each of them many times."""

    def __init__(self, sight: FaceSight) -> None:
        self.sight = sight
        self._faces: dict[Path, list[PhotoFace]] = {}

    def faces(self, path: Path) -> list[PhotoFace]:
        """Find the faces of a picture file.

        Raises
        ------
        MediaUnreadable
            There is no such file, or it is no picture.
        """
        if path not in self._faces:
            self._faces[path] = faces_of(self.sight, read_photo(path))
        return self._faces[path]

    def compare(self, one: Path, other: Path) -> Comparison:
        """Say whether somebody is in both pictures.

        Raises
        ------
        MediaUnreadable
            A file is absent or no picture.
        """
        first, second = self.faces(one), self.faces(other)
        found, same_below = closest(first, second), self.sight.likeness.same_below
        return Comparison(
            a=PhotoSeen(path=str(one), faces=[_written(face) for face in first]),
            b=PhotoSeen(path=str(other), faces=[_written(face) for face in second]),
            distance=round(found.distance, _DIGITS) if found else None,
            same=is_same(found.distance, same_below=same_below) if found else None,
            threshold=same_below,
            face=[found.one, found.other] if found else None,
            reason=None if found else f"no face in {other if first else one}",
        )

    def compare_pairs(self, table: Path) -> Iterator[PairCompared]:
        """Compare each row of a table; what cannot be compared says why, and the next row follows.

        Raises
        ------
        UsageError
            See `read_pairs`.
        """
        for one, other in read_pairs(table):
            yield self._pair(table.parent, one, other)

    def _pair(self, folder: Path, one: str, other: str) -> PairCompared:
        try:
            compared = self.compare(folder / one, folder / other)
        except MediaUnreadable as error:
            return PairCompared(a=one, b=other, distance=None, same=None, reason=str(error))
        return PairCompared(
            a=one, b=other, distance=compared["distance"], same=compared["same"], reason=compared["reason"]
        )


def read_pairs(table: Path) -> list[tuple[str, str]]:
    """Read the first two columns of a CSV: paths relative to it. A first row that names no file is a header.

    Raises
    ------
    UsageError
        The table cannot be read, or a row has fewer than two columns.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} cannot be read as CSV: {error}") from error
    for number, row in rows:
        if len(row) < 2:
            raise UsageError(f"row {number} of {table}: expected two paths, got {len(row)} column")
    pairs = [(row[0].strip(), row[1].strip()) for _, row in rows]
    is_header = bool(pairs) and not any((table.parent / name).is_file() for name in pairs[0])
    return pairs[1:] if is_header else pairs


def _written(face: PhotoFace) -> FaceFound:
    found, quality = face.sighting.face, face.sighting.quality
    return FaceFound(
        left_px=round(found.left_px, _PIXEL_DIGITS),
        top_px=round(found.top_px, _PIXEL_DIGITS),
        width_px=round(found.width_px, _PIXEL_DIGITS),
        height_px=round(found.height_px, _PIXEL_DIGITS),
        score=round(found.score, _DIGITS),
        quality=round(quality.value, _DIGITS),
        reasons=list(quality.reasons),
    )
