"""What a replay has done so far, in the home folder: a stopped one goes on where it was."""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from streams.replay_selection import Selection
from streams.rescoring import Source
from streams.whole_files import write_whole

_ABOUT = "about.json"


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a replay is to do; two with the same task share their checkpoint.

    Attributes
    ----------
    releases : tuple of str
        ``target/release_id``, sorted.
    kafka : str
        Where the topics are.
    """

    source: Source
    releases: tuple[str, ...]
    selection: Selection
    kafka: str = ""

    @property
    def key(self) -> str:
        """Name the task in a file name and in the headers of what it writes."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far one partition is.

    Attributes
    ----------
    begun : dict
        By partition of ``predictions``: the offset before which this task had written nothing.
    """

    is_done: bool
    begun: dict[int, int]


class Checkpoint:
    """One small file for each partition under ``HOME/replay/KEY/``; each is written whole or not at all."""

    def __init__(self, home: Path, task: Task) -> None:
        self._all = home / "replay"
        self._folder = self._all / task.key
        self._task = task

    def begin(self, *, restart: bool) -> None:
        """Make the folder; forget what was done by tasks that this one outdates, and with `restart` its own."""
        if restart:
            shutil.rmtree(self._folder, ignore_errors=True)
        targets = _targets(self._task)
        for about in self._all.glob(f"*/{_ABOUT}"):
            other = msgspec.json.decode(about.read_bytes(), type=Task)
            is_outdated = other.releases != self._task.releases and bool(targets & _targets(other))
            if is_outdated and other.kafka == self._task.kafka:
                shutil.rmtree(about.parent, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._folder / _ABOUT, msgspec.json.encode(self._task))

    def read(self, partition: int) -> Place | None:
        """Look up how far a partition is; None when it was never begun."""
        try:
            return msgspec.json.decode(self._file(partition).read_bytes(), type=Place)
        except FileNotFoundError:
            return None

    def write(self, partition: int, begun: Mapping[int, int], *, is_done: bool) -> None:
        """Note that a partition is about to be written to, or done."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._file(partition), msgspec.json.encode(Place(is_done=is_done, begun=dict(begun))))

    def done(self, partitions: Iterable[int]) -> tuple[int, ...]:
        """Name those of the partitions that are done."""
        places = {partition: self.read(partition) for partition in partitions}
        return tuple(partition for partition, place in places.items() if place and place.is_done)

    def forget(self, partitions: Iterable[int]) -> None:
        """All of these are done: the next replay of the same task begins anew."""
        for partition in partitions:
            self._file(partition).unlink(missing_ok=True)
        if self._folder.is_dir() and {path.name for path in self._folder.iterdir()} <= {_ABOUT}:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, partition: int) -> Path:
        return self._folder / f"{partition}.json"


def _targets(task: Task) -> set[str]:
    return {release.partition("/")[0] for release in task.releases}
