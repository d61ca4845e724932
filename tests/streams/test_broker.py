import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from small_events import link

from schemas.errors import BrokerUnavailable
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker, running_bootstrap
from streams.kafka.bulk import BulkProducer, read_to_end
from streams.kafka.jars import Jar, _fetch, kafka_jars
from streams.settings import Settings

broker_test = pytest.mark.broker

# Started from a thread that ends: the kernel's death signal belongs to threads, and must not strike then.
RUN_UNTIL_KILLED = """
import sys, threading, time
from pathlib import Path
from streams.kafka.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]), Path(sys.argv[2]))
starter = threading.Thread(target=broker.start)
starter.start()
starter.join()
time.sleep(0.5)
print(broker.pid, broker.bootstrap, flush=True)
time.sleep(60)
"""

START_WITH_CACHED_JARS = """
import sys
from pathlib import Path
from streams.kafka.jars import kafka_jars
print(len(list(kafka_jars(Path(sys.argv[1])).glob("*.jar"))), "jgo" in sys.modules)
"""


@pytest.fixture(scope="module")
def own_broker(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One Kafka for this file; its tests stop and start it as they like."""
    with EmbeddedBroker(tmp_path_factory.mktemp("own-kafka"), cache) as running:
        yield running


@broker_test
def test_data_and_address_survive_a_stop_and_a_start(own_broker: EmbeddedBroker) -> None:
    before = own_broker.start().bootstrap
    settings = Settings(home=own_broker.home, kafka=before, partitions=2)
    create_missing(settings, before)
    with BulkProducer(settings, before) as producer:
        producer.send(link("youtube:kept"))

    began_s = time.monotonic()
    own_broker.stop()
    assert time.monotonic() - began_s < 5
    assert own_broker.pid is None
    own_broker.start()

    assert own_broker.bootstrap == before
    assert b"youtube:kept" in [r.key for r in read_to_end(settings, before, ["links"])]


@broker_test
def test_a_broker_that_was_killed_starts_again_with_its_data(own_broker: EmbeddedBroker) -> None:
    bootstrap = own_broker.start().bootstrap
    settings = Settings(home=own_broker.home, kafka=bootstrap, partitions=2)
    create_missing(settings, bootstrap)
    with BulkProducer(settings, bootstrap) as producer:
        producer.send(link("youtube:killed"))

    assert own_broker.pid is not None
    os.kill(own_broker.pid, signal.SIGKILL)
    while own_broker.pid is not None:
        time.sleep(0.01)
    own_broker.start()

    assert own_broker.bootstrap == bootstrap
    assert b"youtube:killed" in [r.key for r in read_to_end(settings, bootstrap, ["links"])]


@broker_test
def test_a_killed_parent_leaves_no_java_and_no_lock(cache: Path, tmp_path: Path) -> None:
    kafka_jars(cache)
    command = (sys.executable, "-c", RUN_UNTIL_KILLED, str(tmp_path), str(cache))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, bootstrap = parent.stdout.readline().split()
        java = psutil.Process(int(pid))
        assert running_bootstrap(tmp_path) == bootstrap
        parent.send_signal(signal.SIGKILL)
    java.wait(timeout=5)
    with pytest.raises(BrokerUnavailable, match="no Kafka runs"):
        running_bootstrap(tmp_path)


@broker_test
def test_a_second_start_on_a_home_in_use_says_who_has_it(own_broker: EmbeddedBroker, cache: Path) -> None:
    pid = own_broker.start().pid
    with pytest.raises(BrokerUnavailable, match=rf"already run by process {os.getpid()}.*GROUNDSWELL_HOME"):
        EmbeddedBroker(own_broker.home, cache).start()
    assert own_broker.pid == pid


@broker_test
def test_another_process_on_the_port_moves_the_broker(own_broker: EmbeddedBroker) -> None:
    before = own_broker.start().bootstrap
    own_broker.stop()
    with socket.create_server(("127.0.0.1", int(before.split(":")[1]))):
        own_broker.start()
        assert own_broker.bootstrap != before
        assert running_bootstrap(own_broker.home) == own_broker.bootstrap


@broker_test
def test_starting_twice_is_one_broker_and_stopping_twice_is_fine(own_broker: EmbeddedBroker) -> None:
    assert own_broker.start().pid == own_broker.start().pid
    own_broker.stop()
    own_broker.stop()


@broker_test
def test_a_broker_that_cannot_start_shows_the_end_of_its_log(own_broker: EmbeddedBroker, cache: Path) -> None:
    own_broker.stop()
    with pytest.raises(BrokerUnavailable, match=r"(?s)did not start; its log.*heap"):
        EmbeddedBroker(own_broker.home, cache, heap_mb=1).start()
    with pytest.raises(BrokerUnavailable, match="no Kafka runs"):
        running_bootstrap(own_broker.home)


def test_a_broker_that_was_never_started_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match=r"call start\(\) first"):
        _ = EmbeddedBroker(tmp_path, tmp_path).bootstrap


@broker_test
def test_jars_in_the_cache_need_no_downloader(cache: Path) -> None:
    kafka_jars(cache)
    command = (sys.executable, "-c", START_WITH_CACHED_JARS, str(cache))
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["45", "False"]


def test_without_a_network_the_message_says_what_else_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(BrokerUnavailable, match=r"\.jar.*GROUNDSWELL_KAFKA"):
        kafka_jars(tmp_path)
    assert not list(tmp_path.glob("kafka-*/*.jar"))


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"something else")
    with pytest.raises(BrokerUnavailable, match=r"thing-1\.0\.jar is not the pinned file"):
        _fetch(Jar("org.example", "thing", "1.0", "0" * 64), tmp_path)
