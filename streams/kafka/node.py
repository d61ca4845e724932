"""The folder of an embedded Kafka node: configuration, data, log, and the ports it had."""

import base64
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

import msgspec

from schemas.errors import BrokerUnavailable
from streams.children import dying_with_parent

HOST = "127.0.0.1"

_LOG_TAIL_LINES = 25

_PROPERTIES = Template("""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$host:$controller_port
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$host:$port,CONTROLLER://$host:$controller_port
advertised.listeners=PLAINTEXT://$host:$port,CONTROLLER://$host:$controller_port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
background.threads=2
# After a kill -9 a node may not come back before its old session has ended.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Room for the 16 MiB dead letters and their headers.
message.max.bytes=17825792
replica.fetch.max.bytes=17825792
# A laptop that was closed for a summer must find its place again: ten years.
offsets.retention.minutes=5256000
# Only closed segments are cleaned or dropped, so close them early.
log.segment.bytes=134217728
log.roll.hours=24
log.index.size.max.bytes=1048576
log.cleaner.enable=true
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
# One copy only: a power cut may cost five seconds, not what the page cache happened to hold.
log.flush.interval.ms=5000
log.flush.scheduler.interval.ms=1000
""")

_LOG4J = Template("""\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName=$folder/kafka.log
appender.file.filePattern=$folder/kafka.%i.log
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{ISO8601} %p %m (%c)%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=2MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
""")


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where the node listens on loopback, and the process that started it there."""

    broker: int
    controller: int
    owner_pid: int

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.broker}"


@dataclass(frozen=True)
class NodeFolder:
    """One node's folder. Reading it needs no lock; only the holder of `lock` may write."""

    path: Path

    @classmethod
    def of(cls, home: Path) -> "NodeFolder":
        """Give the folder of a home's own Kafka; nothing is created."""
        return cls(home.absolute() / "broker")

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def console(self) -> Path:
        return self.path / "console.log"

    @property
    def server_properties(self) -> Path:
        return self.path / "server.properties"

    @property
    def log4j_properties(self) -> Path:
        return self.path / "log4j2.properties"

    def remembered_ports(self) -> Ports | None:
        """Give the ports of the last start, None before the first."""
        try:
            return msgspec.json.decode((self.path / "ports.json").read_bytes(), type=Ports)
        except (OSError, msgspec.DecodeError):
            return None

    def configure(self, ports: Ports) -> None:
        """Write what Kafka and its log read at start, and remember the ports."""
        self._write_properties(self.server_properties, self._data, ports)
        self._write_properties(self._format_properties, self._unfinished_data, ports)
        self.log4j_properties.write_text(_LOG4J.substitute(folder=_escaped(self.path)))
        (self.path / "ports.json").write_bytes(msgspec.json.encode(ports))
        (self.path / "kafka.log").unlink(missing_ok=True)

    def format_once(self, java: tuple[str, ...]) -> None:
        """Make the data folder, whole or not at all, unless it is there.

        Raises
        ------
        BrokerUnavailable
            Kafka's storage tool failed; the message has its words.
        """
        if self._data.exists():
            return
        shutil.rmtree(self._unfinished_data, ignore_errors=True)
        tool = ("kafka.tools.StorageTool", "format", "-t", _new_cluster_id(), "-c", str(self._format_properties))
        done = subprocess.run(  # noqa: S603  Java on our own files
            (*java, *tool), capture_output=True, text=True, check=False, preexec_fn=dying_with_parent()
        )
        if done.returncode != 0:
            raise BrokerUnavailable(f"cannot prepare {self._data} for Kafka: {done.stderr or done.stdout}")
        self._unfinished_data.rename(self._data)

    def cluster_id(self) -> str:
        """Read which cluster the data belong to; they must be formatted."""
        lines = (self._data / "meta.properties").read_text().splitlines()
        return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))

    def log_tail(self) -> str:
        """Give the last lines Kafka and Java wrote since the last start."""
        logs = [p for p in (self.path / "kafka.log", self.console) if p.exists()]
        return "\n".join(line for p in logs for line in p.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])

    @property
    def _data(self) -> Path:
        return self.path / "data"

    @property
    def _unfinished_data(self) -> Path:
        return self.path / "data.partial"

    @property
    def _format_properties(self) -> Path:
        return self.path / "format.properties"

    def _write_properties(self, path: Path, data: Path, ports: Ports) -> None:
        path.write_text(
            _PROPERTIES.substitute(host=HOST, port=ports.broker, controller_port=ports.controller, data=_escaped(data))
        )


def _escaped(path: Path) -> str:
    """Write a path for a Java properties file, where a backslash escapes."""
    return str(path).replace("\\", "\\\\")


def _new_cluster_id() -> str:
    """16 random bytes as Kafka writes them; one that began with ``-`` would read as an option."""
    while True:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id
