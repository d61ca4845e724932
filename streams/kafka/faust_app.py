"""The Faust application of one stage, with the settings that were measured to lose nothing."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any  # Faust is untyped

import faust
from faust.tables.manager import TableManager
from faust.types import TP

from streams.kafka.admin import group_of
from streams.kafka.connection import aiokafka_security
from streams.kafka.faust_consumer import FinishedOnlyTransport
from streams.kafka.outbox import LARGEST_REQUEST_BYTES
from streams.settings import Settings
from streams.topology import Stage

COMMIT_INTERVAL_S = 0.5
HEARTBEAT_S = 2.0

REBALANCE_S = 30.0
"""All members join again within so long; each needs a few seconds, whatever its step does."""

POLL_INTERVAL_S = 86_400.0
"""Not a limit for steps. With it a worker whose buffers are full would leave its group in the middle
of a long step, and the step would be repeated for ever; whether a worker lives, its heartbeats say."""

STANDBY_SESSION_S = 6.0
"""Where somebody stands by, a dead worker is missed as soon as Kafka lets us (group.min.session.timeout.ms)."""

_ROCKSDB_OPTIONS = {"driver": "rocksdict", "write_buffer_size": 4 * 2**20, "block_cache_size": 16 * 2**20}
"""A table has one database a partition; Faust's defaults would take gigabytes for them."""


def make_app(settings: Settings, stage: Stage, *, bootstrap: str, instance: str, folder: Path, partitions: int) -> Any:
    """Configure Faust for one worker of a stage.

    Parameters
    ----------
    bootstrap : str
        ``host:port``, or several with commas.
    instance : str
        Static group membership: the same name takes its partitions back at once after a crash.
    folder : Path
        Where this worker, and no other, keeps its tables.
    partitions : int
        Partition count of the topics the stage reads.
    """
    # What a fold has polled when its recovery ends and Faust seeks back, Faust may take for seen: it must be little.
    app = faust.App(
        group_of(stage.name),
        broker=[f"kafka://{address}" for address in bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        datadir=str(folder),
        store="rocksdb://" if stage.is_fold else "memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=partitions,
        table_standby_replicas=stage.standbys,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance,
        broker_session_timeout=session_timeout_s(settings, stage),
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_max_poll_interval=POLL_INTERVAL_S,
        broker_rebalance_timeout=REBALANCE_S,
        broker_request_timeout=max(40.0, settings.session_timeout_s + 1),
        broker_max_poll_records=4 if stage.is_fold else 4 * stage.batch,
        stream_buffer_maxsize=16 if stage.is_fold else max(16, 4 * stage.batch),
        stream_wait_empty=False,
        stream_processing_timeout=stage.longest_step_s + 300.0,
        broker_commit_livelock_soft_timeout=stage.longest_step_s + 300.0,
        producer_acks=-1,
        producer_linger_ms=0,
        producer_max_request_size=LARGEST_REQUEST_BYTES,
        worker_redirect_stdouts=False,
        TableManager=PromptTables,
    )
    app.transport = FinishedOnlyTransport(app.conf.broker_consumer, app, loop=app.loop)
    return app


def session_timeout_s(settings: Settings, stage: Stage) -> float:
    """How long a worker of this stage may be silent before it is taken for dead."""
    return min(settings.session_timeout_s, STANDBY_SESSION_S) if stage.standbys else settings.session_timeout_s


SQUEEZED_TABLE = "states"
"""Nothing is deleted from it but what is erased."""


class PromptTables(TableManager):
    """Faust waits a second for tables that other modules may yet declare; ours are all there before."""

    logger = TableManager.logger

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def _credentials(settings: Settings) -> Any:
    security = aiokafka_security(settings)
    context = security.get("ssl_context")
    if "sasl_mechanism" in security:
        return faust.SASLCredentials(
            mechanism=security["sasl_mechanism"],
            username=security["sasl_plain_username"],
            password=security["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def make_table(app: Any, name: str) -> Any:
    """One table of a fold: bytes by bytes, backed by a changelog topic."""
    table = app.Table(
        name,
        key_type=bytes,
        value_type=bytes,
        partitions=app.conf.topic_partitions,
        options=dict(_ROCKSDB_OPTIONS),  # Faust takes entries out of it
    )
    apply = table.apply_changelog_batch

    def apply_and_squeeze(batch: Any, **how: Any) -> None:
        """Here the one who works and the one who stands by apply what was deleted."""
        apply(batch, **how)
        if name == SQUEEZED_TABLE and any(event.message.value is None for event in batch):
            threading.Thread(target=_squeeze, args=(list(table.data._dbs.values()),), daemon=True).start()

    table.apply_changelog_batch = apply_and_squeeze
    return table


def _squeeze(databases: list[Any]) -> None:
    """Write a table anew without what was deleted: erased states must not linger in old files."""
    for database in databases:
        with suppress(Exception):  # rocksdict's own: closed in the meantime, and opened elsewhere
            database.flush()
            database.compact_range(None, None)


def stored_in(table: Any, partition: int, key: bytes) -> bytes | None:
    """Read a table where the key must lie: Faust would look in the partition of the event it handed out last."""
    value: bytes | None = table.data._db_for_partition(partition).get(key)
    return value


def place(topic: str, partition: int) -> Any:
    """Name a topic's partition as Faust does."""
    return TP(topic, partition)
