"""The shelf of releases: folders on this machine, and copies in the media store for the others."""

import shutil
import uuid
from pathlib import Path

import models
from models.release import CARD, MANIFEST, AnyManifest, describe, load, read_manifest
from processors.ports import MediaStore
from schemas.errors import ReleaseInvalid, StorageUnavailable
from schemas.event import derive_id
from schemas.releases import ReleasePublished
from streams.settings import Settings
from streams.world import open_media

STARTERS = Path(models.__file__).parent / "starter"
"""Releases that ship with Groundswell, each in ``TARGET/``."""


class ReleaseShelf:
    """Keeps ``home/releases/TARGET/RELEASE_ID/``, and the same files under ``releases/`` in the media store."""

    def __init__(self, home: Path, media: MediaStore) -> None:
        self._folder = home / "releases"
        self._media = media

    def publish(self, source: Path) -> ReleasePublished:
        """Put a verified copy of a release folder on the shelf, and say so.

        The event still has to be sent. Publishing the same folder again changes nothing.

        Raises
        ------
        ReleaseInvalid
            The folder is no release, or another one lies under its name already.
        StorageUnavailable
            The media store cannot be written.
        """
        event = event_of(source)
        names = [file.name for file in event.files]
        for name in names:
            self._share(f"{_place(event.target, event.release_id)}/{name}", (source / name).read_bytes())
        self._copy(source, names, self._path(event.target, event.release_id))
        return event

    def folder(self, target: str, release_id: str) -> Path:
        """Give a release's folder, brought from the media store when it is not on this machine.

        Raises
        ------
        ReleaseInvalid
            It is in neither place, or its files are not what its ``release.json`` says.
        StorageUnavailable
            The media store cannot be read now.
        """
        path = self._path(target, release_id)
        if not path.is_dir():
            self._bring(target, release_id)
        return path

    def install_starters(self, starters: Path = STARTERS) -> list[ReleasePublished]:
        """Put every release that ships with Groundswell on the shelf; their events still have to be sent.

        Raises
        ------
        ReleaseInvalid, StorageUnavailable
            See `publish`.
        """
        return [self.publish(manifest.parent) for manifest in sorted(starters.glob(f"*/{MANIFEST}"))]

    def _path(self, target: str, release_id: str) -> Path:
        return self._folder / target / release_id

    def _share(self, ref: str, content: bytes) -> None:
        if self._media.claim(ref, content) != content:
            raise ReleaseInvalid(f"{ref} holds another release already; train again under a new name")

    def _copy(self, source: Path, names: list[str], path: Path) -> None:
        if path.is_dir():
            _check_same(source, path, names)
            return
        with _Arriving(path) as temporary:
            for name in names:
                shutil.copyfile(source / name, temporary / name)

    def _bring(self, target: str, release_id: str) -> None:
        place = _place(target, release_id)
        if not self._media.exists(f"{place}/{MANIFEST}"):
            raise ReleaseInvalid(f"there is no release {target}/{release_id}; publish it with `groundswell train`")
        with _Arriving(self._path(target, release_id)) as temporary:
            (temporary / MANIFEST).write_bytes(self._media.get(f"{place}/{MANIFEST}"))
            for file in read_manifest(temporary).files:
                (temporary / file.name).write_bytes(self._media.get(f"{place}/{file.name}"))
            load(temporary)


def publish_starters(settings: Settings, bootstrap: str) -> list[ReleasePublished]:
    """Put the releases that ship with Groundswell on the shelf, and tell the scorers.

    Saying it again at every start changes nothing: scorers keep the newest of each target.

    Raises
    ------
    ReleaseInvalid, StorageUnavailable
        See `ReleaseShelf.publish`.
    BrokerUnavailable
        Kafka does not answer.
    """
    from streams.kafka.bulk import BulkProducer  # reading a release needs no Kafka

    events = ReleaseShelf(settings.home, open_media(settings)).install_starters()
    with BulkProducer(settings, bootstrap) as producer:
        for event in events:
            producer.send(event)
    return events


def event_of(folder: Path) -> ReleasePublished:
    """Describe a release folder as an event, all its files pinned by content.

    Raises
    ------
    ReleaseInvalid
        The folder is no release.
    """
    manifest = load(folder).manifest
    own = describe(MANIFEST, (folder / MANIFEST).read_bytes())
    return ReleasePublished(
        event_id=derive_id("release", "1", own.sha256),
        target=manifest.target,
        release_id=manifest.release_id,
        kind=manifest.kind,
        files=(own, *manifest.files),
        trained_at_s=manifest.trained_at_s,
        rows=manifest.rows,
        metrics=manifest.metrics,
        beats_constant=manifest.beats_constant,
        card=_card(folder, manifest),
    )


class _Arriving:
    """A folder that appears under its name whole, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}"

    def __enter__(self) -> Path:
        try:
            self._temporary.mkdir(parents=True)
        except OSError as error:
            raise StorageUnavailable(f"cannot write to {self._path.parent}: {error.strerror}") from error
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._temporary.rename(self._path)
        except OSError:
            if not self._path.is_dir():  # otherwise another worker was faster, with the same files
                raise
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _place(target: str, release_id: str) -> str:
    return f"releases/{target}/{release_id}"


def _check_same(source: Path, path: Path, names: list[str]) -> None:
    for name in names:
        if not (path / name).is_file() or (path / name).read_bytes() != (source / name).read_bytes():
            raise ReleaseInvalid(f"{path} holds another release already; train again under a new name")


def _card(folder: Path, manifest: AnyManifest) -> str:
    named = [file.name for file in manifest.files]
    return (folder / CARD).read_text(encoding="utf-8") if CARD in named else ""
