"""Whether anything of what was erased is left: in any record of any topic, or in any file of the home."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from schemas.errors import BrokerUnavailable
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import BulkProducer, Record, read_to_end
from streams.kafka.connection import confluent_config
from streams.settings import Settings
from streams.traces import Search, Traces
from streams.world import open_media

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

COMPACTION_LIMIT_S = 150.0
"""Kafka looks for work every 15 seconds, and deletes what it has replaced after a while."""

STAYING_LOOKS = 6
"""What is a key's last record in so many looks is not going to be replaced any more."""

LOOK_AGAIN_S = 3.0
POKE_KEY = b"erasure-proof"

AT_ONCE: Mapping[str, str] = {
    "cleanup.policy": "compact",
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": "0",
}
"""Settings under which Kafka throws away soon what was replaced; what was set before is restored afterwards."""

LARGEST_SLIDE_BYTES = 64 * 2**20
"""In larger files only exact copies are looked for: videos, weights, jars."""

PART_BYTES = 64 * 2**20
OVERLAP_BYTES = 2**16
"""Large files are read in parts that overlap by more than any trace is long."""

NO_RECORDS = ("__",)
"""Kafka's own topics hold offsets."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is still there.

    Attributes
    ----------
    where : str
        Topic, partition, offset and key of a record, or a path below the home.
    is_last : bool
        Compaction will not take it away: a file, or the last record of its key.
    """

    where: str
    what: str
    is_last: bool = True


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked through, and what was found: nothing, if the erasure is complete."""

    topics: int
    records: int
    files: int
    bytes: int
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        return not self.findings


class _Looked(NamedTuple):
    """How much was looked through, and what was found in it."""

    things: int
    size_bytes: int
    findings: list[Finding]


def prove(
    settings: Settings,
    bootstrap: str,
    traces: Traces,
    *,
    limit_s: float = COMPACTION_LIMIT_S,
    say: Callable[[str], None] = lambda line: None,
) -> Proof:
    """Have Kafka compact everything, then read every topic from the beginning and every file of the home.

    Parameters
    ----------
    say : callable
        Hears in a line what is waited for.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer, or does not let us change its topics for the purpose.
    StorageUnavailable
        The media store is away.
    """
    names = [name for name in partition_counts(settings, bootstrap) if not name.startswith(NO_RECORDS)]
    search, give_up_at_s = Search(traces), time.monotonic() + limit_s
    say("having Kafka compact its topics; this takes half a minute or so")
    with _compacting(settings, bootstrap, names):
        records = _compacted(settings, bootstrap, names, search=search, give_up_at_s=give_up_at_s)
        while True:
            files = _in_files(settings, search, traces)
            if not files.findings or time.monotonic() > give_up_at_s or records.findings:
                break
            time.sleep(LOOK_AGAIN_S)
            _poke(settings, bootstrap, names)
    return Proof(
        topics=len(names),
        records=records.things,
        files=files.things,
        bytes=records.size_bytes + files.size_bytes,
        findings=records.findings + files.findings,
    )


def _compacted(settings: Settings, bootstrap: str, names: list[str], *, search: Search, give_up_at_s: float) -> _Looked:
    """Look through all topics until nothing is found, or what is found is going to stay."""
    looks_alike, before = 0, list[str]()
    while True:
        _poke(settings, bootstrap, names)
        time.sleep(LOOK_AGAIN_S)
        looked = _in_topics(settings, bootstrap, names, search)
        staying = [finding.where for finding in looked.findings if finding.is_last]
        looks_alike = looks_alike + 1 if staying and staying == before else 0
        before = staying
        if not looked.findings or looks_alike >= STAYING_LOOKS or time.monotonic() > give_up_at_s:
            return looked


def _in_topics(settings: Settings, bootstrap: str, names: Iterable[str], search: Search) -> _Looked:
    count, size_bytes, found = 0, 0, list[tuple[Record, str]]()
    last: dict[tuple[str, int, bytes | None], int] = {}
    for record in read_to_end(settings, bootstrap, names):
        parts = (record.key or b"", record.value or b"", *(value for _, value in record.headers))
        count, size_bytes = count + 1, size_bytes + sum(map(len, parts))
        last[record.topic, record.partition, record.key] = record.offset
        what = next((what for part in parts if (what := search.in_record(part))), None)
        found += [(record, what)] if what else []
    return _Looked(count, size_bytes, [_found_record(record, what, last) for record, what in found])


def _found_record(record: Record, what: str, last: Mapping[tuple[str, int, bytes | None], int]) -> Finding:
    key = (record.key or b"").decode(errors="replace")
    where = f"{record.topic}/{record.partition}/{record.offset} (key {key})"
    return Finding(where=where, what=what, is_last=last[record.topic, record.partition, record.key] == record.offset)


def _in_files(settings: Settings, search: Search, traces: Traces) -> _Looked:
    count, size_bytes, found = 0, 0, list[Finding]()
    for root in _roots(settings):
        for path in sorted(root.rglob("*")):
            with suppress(OSError):  # what is gone by now holds nothing
                if path.is_file() and not path.is_symlink():
                    count, size_bytes = count + 1, size_bytes + path.stat().st_size
                    name = str(path.relative_to(root))
                    what = search.in_path(name) or _in_file(path, search)
                    found += [Finding(where=name, what=what)] if what else []
    for folder in sorted({path.parent for path in settings.home.rglob("CURRENT")}):
        found += _in_table(folder, settings.home, search)
    store = open_media(settings)
    left = [ref for ref in traces.refs if not ref.endswith("/") and store.exists(ref)]
    return _Looked(
        count, size_bytes, found + [Finding(where=f"media store: {ref}", what="a reference") for ref in left]
    )


def _roots(settings: Settings) -> list[Path]:
    """The home, and a media store that is a folder elsewhere."""
    if "://" in settings.media_location:
        return [settings.home]
    media = Path(settings.media_location).resolve()
    return [settings.home] if media.is_relative_to(settings.home.resolve()) else [settings.home, media]


def _in_file(path: Path, search: Search) -> str | None:
    if path.name.endswith(".deleted"):
        return "a part of a topic that Kafka is about to delete"
    size_bytes = path.stat().st_size
    look = search.in_bytes if size_bytes <= LARGEST_SLIDE_BYTES else search.in_record
    with path.open("rb") as file:
        while data := file.read(PART_BYTES):
            # Kafka keeps megabytes of zeros ready; a vector may end in a few.
            if what := look(data.rstrip(b"\0") + b"\0" * 4):
                return what
            if len(data) == PART_BYTES:
                file.seek(-OVERLAP_BYTES, 1)
    return None


def _in_table(folder: Path, home: Path, search: Search) -> Iterator[Finding]:
    """Read a fold's table as its worker would; on disk its pages are compressed."""
    from rocksdict import AccessType, Options, Rdict

    where = str(folder.relative_to(home))
    table = Rdict(str(folder), Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        for key, value in table.items():
            what = search.in_record(_raw(key)) or search.in_record(_raw(value))
            if what:
                yield Finding(where=f"{where}: {_raw(key).decode(errors='replace')}", what=what)
        live = {Path(file["name"]).name for file in table.live_files()}
        for left in sorted(path.name for path in folder.glob("*.sst") if path.name not in live):
            yield Finding(where=f"{where}/{left}", what="a part of a table that is about to be deleted")
    finally:
        table.close()


def _raw(value: object) -> bytes:
    """In raw mode everything is bytes; the library's types don't know."""
    return value if isinstance(value, bytes) else str(value).encode()


def _poke(settings: Settings, bootstrap: str, names: Iterable[str]) -> None:
    """Write a tombstone for nothing: Kafka compacts only behind the end of a partition."""
    counts = partition_counts(settings, bootstrap)
    for _ in range(2):
        with BulkProducer(settings, bootstrap) as producer:
            for name in names:
                for partition in range(counts[name]):
                    producer.send_raw(name, partition, key=POKE_KEY, value=None)
        time.sleep(0.6)


@contextmanager
def _compacting(settings: Settings, bootstrap: str, names: list[str]) -> Iterator[None]:
    """Let Kafka throw away quickly, for as long as the block lasts."""
    from confluent_kafka.admin import AdminClient

    client = AdminClient(confluent_config(settings, bootstrap))
    before = _settings_of(client, names)
    try:
        _alter(client, dict.fromkeys(names, AT_ONCE))
        yield
    finally:
        _alter(client, before)


def _settings_of(client: "AdminClient", names: list[str]) -> dict[str, dict[str, str | None]]:
    """What each topic has set itself of the settings that are changed; None where it has the broker's."""
    from confluent_kafka.admin import ConfigResource, ConfigSource  # type: ignore[attr-defined]  # exported, without __all__

    futures = client.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in names])
    found: dict[str, dict[str, str | None]] = {}
    for resource, future in futures.items():
        entries = future.result(15)
        own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        found[resource.name] = {name: entries[name].value if entries[name].source == own else None for name in AT_ONCE}
    return found


def _alter(client: "AdminClient", wanted: Mapping[str, Mapping[str, str | None]]) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, without __all__
        AlterConfigOpType,
        ConfigEntry,
        ConfigResource,
    )

    resources = []
    for topic, entries in wanted.items():
        changes = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            if value is not None
            else ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE)
            for name, value in entries.items()
        ]
        resources.append(ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=changes))
    try:
        for future in client.incremental_alter_configs(resources).values():
            future.result(15)
    except KafkaException as error:
        raise BrokerUnavailable(f"Kafka does not let its topics be changed: {error.args[0].str()}") from error
