"""How clients reach Kafka: the address, and the security settings each client library wants."""

import ssl
from typing import TYPE_CHECKING, NotRequired, TypedDict

from schemas.errors import SettingsInvalid
from streams.kafka.broker import running_bootstrap
from streams.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError


class AiokafkaSecurity(TypedDict):
    """Keyword arguments that aiokafka's clients take."""

    security_protocol: str
    ssl_context: NotRequired[ssl.SSLContext]
    sasl_mechanism: NotRequired[str]
    sasl_plain_username: NotRequired[str]
    sasl_plain_password: NotRequired[str]


def bootstrap_of(settings: Settings) -> str:
    """Give the configured Kafka's address, or that of the embedded one that runs for this home.

    Raises
    ------
    BrokerUnavailable
        No Kafka is configured and none runs for this home.
    """
    return settings.kafka or running_bootstrap(settings.home)


def confluent_config(settings: Settings, bootstrap: str) -> dict[str, str | int | float | bool]:
    """Give what every confluent-kafka client of ours begins with.

    Raises
    ------
    SettingsInvalid
        SASL without a user name, or a file of certificates that is not there.
    """
    config: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap,
        "security.protocol": settings.kafka_security_protocol,
        "client.id": "groundswell",
        "log_level": 2,  # it would write to stderr what our errors say already
    }
    if _is_sasl(settings):
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_username
        config["sasl.password"] = settings.kafka_password.get_secret_value()
    if _is_ssl(settings) and settings.kafka_ca_file:
        config["ssl.ca.location"] = str(settings.kafka_ca_file)
    return config


def aiokafka_security(settings: Settings) -> AiokafkaSecurity:
    """Give the security arguments of aiokafka's clients.

    Raises
    ------
    SettingsInvalid
        SASL without a user name, or certificates that cannot be read.
    """
    security = AiokafkaSecurity(security_protocol=settings.kafka_security_protocol)
    if _is_sasl(settings):
        security["sasl_mechanism"] = settings.kafka_sasl_mechanism
        security["sasl_plain_username"] = settings.kafka_username
        security["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    if _is_ssl(settings):
        security["ssl_context"] = _ssl_context(settings)
    return security


def is_passing(error: "KafkaError") -> bool:
    """Whether this is the break of a moment (an election, a restart) after which the same call works.

    librdkafka's own `retriable` says no to all of these outside transactions.
    """
    from confluent_kafka import KafkaError

    return not error.fatal() and error.code() in (
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError._NOENT,  # the client knows no leader yet
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
    )


def _is_sasl(settings: Settings) -> bool:
    wanted = settings.kafka_security_protocol.startswith("SASL")
    if wanted and not settings.kafka_username:
        raise SettingsInvalid(
            f"kafka_security_protocol {settings.kafka_security_protocol} needs a user; "
            "set GROUNDSWELL_KAFKA_USERNAME and GROUNDSWELL_KAFKA_PASSWORD"
        )
    return wanted


def _is_ssl(settings: Settings) -> bool:
    wanted = settings.kafka_security_protocol.endswith("SSL")
    if wanted and settings.kafka_ca_file and not settings.kafka_ca_file.is_file():
        raise SettingsInvalid(f"kafka_ca_file: {settings.kafka_ca_file} is not a file; expected certificates in PEM")
    return wanted


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.kafka_ca_file)
    except ssl.SSLError as error:
        raise SettingsInvalid(f"kafka_ca_file: {settings.kafka_ca_file} has no certificates in PEM: {error}") from error
