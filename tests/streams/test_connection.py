import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BrokerUnavailable, SettingsInvalid
from streams.kafka.connection import aiokafka_security, bootstrap_of, confluent_config
from streams.settings import Settings

BOOTSTRAP = "kafka.example:9093"


def _settings(**changes: Any) -> Settings:  # Any: whatever a setting takes
    return Settings(home=Path("home"), **changes)


def test_plain_text_needs_no_user() -> None:
    config = confluent_config(_settings(), BOOTSTRAP)
    assert config["bootstrap.servers"] == BOOTSTRAP
    assert config["security.protocol"] == "PLAINTEXT"
    assert not any(name.startswith(("sasl", "ssl")) for name in config)
    assert aiokafka_security(_settings()) == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_sasl_reaches_both_libraries(protocol: str, mechanism: str) -> None:
    settings = _settings(
        kafka_security_protocol=protocol,
        kafka_sasl_mechanism=mechanism,
        kafka_username="ada",
        kafka_password="secret",
    )
    config, security = confluent_config(settings, BOOTSTRAP), aiokafka_security(settings)
    assert [config[f"sasl.{name}"] for name in ("mechanism", "username", "password")] == [mechanism, "ada", "secret"]
    assert security["sasl_mechanism"] == mechanism
    assert security["sasl_plain_username"] == "ada"
    assert security["sasl_plain_password"] == "secret"
    assert ("ssl_context" in security) == (protocol == "SASL_SSL")


@pytest.mark.parametrize("read", [lambda s: confluent_config(s, BOOTSTRAP), aiokafka_security])
def test_sasl_without_a_user_says_which_settings_to_set(read: Callable[[Settings], object]) -> None:
    with pytest.raises(SettingsInvalid, match="GROUNDSWELL_KAFKA_USERNAME"):
        read(_settings(kafka_security_protocol="SASL_SSL"))


def test_librdkafka_and_aiokafka_take_the_settings_as_they_are() -> None:
    from aiokafka.helpers import create_ssl_context
    from confluent_kafka import Producer

    settings = _settings(
        kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="SCRAM-SHA-512", kafka_username="a", kafka_password="b"
    )
    assert Producer(confluent_config(settings, "127.0.0.1:1")) is not None
    assert type(aiokafka_security(settings)["ssl_context"]) is type(create_ssl_context())


def test_ssl_without_a_file_trusts_the_systems_certificates() -> None:
    context = aiokafka_security(_settings(kafka_security_protocol="SSL"))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_certificates_of_ones_own_are_used(tmp_path: Path) -> None:
    certificates = tmp_path / "ca.pem"
    certificates.write_text("nothing to trust")
    settings = _settings(kafka_security_protocol="SSL", kafka_ca_file=certificates)
    assert confluent_config(settings, BOOTSTRAP)["ssl.ca.location"] == str(certificates)
    with pytest.raises(SettingsInvalid, match="no certificates in PEM"):
        aiokafka_security(settings)


def test_a_file_of_certificates_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = _settings(kafka_security_protocol="SSL", kafka_ca_file=tmp_path / "absent.pem")
    with pytest.raises(SettingsInvalid, match=r"absent\.pem is not a file"):
        confluent_config(settings, BOOTSTRAP)


def test_a_configured_kafka_wins() -> None:
    assert bootstrap_of(_settings(kafka=BOOTSTRAP)) == BOOTSTRAP


def test_without_any_kafka_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match="groundswell up"):
        bootstrap_of(Settings(home=tmp_path))
