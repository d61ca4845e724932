"""Every setting in one typed place, read once from the environment and ``groundswell.toml``."""

import os
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from models.faces.likeness import LIKENESS
from models.inference import Device, Precision
from processors.ports import FaceDetectorModel, FaceEncoderModel, Options, VisualModel
from schemas.errors import SettingsInvalid
from streams.topology import modalities

CONFIG_VARIABLE = "GROUNDSWELL_CONFIG"
"""Names the settings file; ``groundswell.toml`` in the working folder otherwise."""


def _split(value: object) -> object:
    """Let people write ``de,en`` in the environment, where pydantic would want JSON."""
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """All settings. Environment variables (``GROUNDSWELL_`` + name in capitals) win over the file."""

    model_config = SettingsConfigDict(env_prefix="GROUNDSWELL_", frozen=True, extra="forbid")

    home: Path = Field(
        default_factory=lambda: user_data_path("groundswell"), description="where everything lies on disk"
    )
    cache: Path | None = Field(None, description="jars and weights, shared by all homes; default: HOME/cache")

    kafka: str | None = Field(None, description="bootstrap servers; unset: a Kafka of our own inside HOME")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how clients speak to Kafka"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how clients prove who they are, with SASL"
    )
    kafka_username: str = Field("", description="user for SASL")
    kafka_password: SecretStr = Field(SecretStr(""), description="password for SASL; masked when printed")
    kafka_ca_file: Path | None = Field(None, description="certificates to trust for SSL; default: the system's")
    kafka_replication: int = Field(1, ge=1, le=32767, description="replicas of each topic we create")
    kafka_memory_mb: int = Field(512, ge=128, description="heap of the embedded Kafka")
    partitions: int = Field(
        8, ge=1, le=1000, description="partitions of each topic we create; workers of a stage at most"
    )

    session_timeout_s: float = Field(10.0, ge=6, description="a worker silent for so long is taken for dead")
    retry_attempts: int = Field(5, ge=1, description="tries of an event whose error may pass")
    retry_backoff_s: float = Field(0.5, gt=0, description="wait before the second try; doubles each time")

    media: str | None = Field(None, description="media store: a folder or s3://bucket/prefix; default: HOME/media")

    redis: SecretStr | None = Field(
        None,
        description="where the library of the pages lies, e.g. redis://:password@host:6379/0; unset: a file in HOME",
    )

    fetch_backend: Literal["yt-dlp", "pytube"] = Field("yt-dlp", description="who downloads; pytube needs its extra")
    fetch_max_bytes: int = Field(2 * 10**9, gt=0, description="largest video taken")
    fetch_max_duration_s: float = Field(7200.0, gt=0, description="longest video taken")
    fetch_timeout_s: float = Field(1800.0, gt=0, description="longest download")
    fetch_at_once: int = Field(4, ge=1, description="downloads at the same time in one worker")
    fetch_height_px: int = Field(720, ge=144, description="ask the source for no more lines than this")
    fetch_networks: Words = Field((), description="private networks that links may reach, e.g. 127.0.0.0/8,10.1.0.0/16")
    subtitle_languages: Words = Field(("en",), description="wanted languages, best first (BCP 47)")

    frame_rate_hz: float = Field(1.0, gt=0, le=30, description="sampled frames a second")
    decode_memory_mb: int = Field(1500, ge=256, description="address space a decoding child may use")
    decode_timeout_s: float = Field(1800.0, gt=0, description="longest time a decoding child may take")
    sandbox: Literal["forked", "fresh"] = Field(
        "forked",
        description="children that open strangers' files: forked from a prepared process (Linux), or new programs, 0.2 s each",
    )
    inference_threads: int = Field(1, ge=1, description="threads of a network in one worker")
    precision: Precision = Field(
        "f32", description="numbers networks compute in; bf16 is faster on CPUs that have it, and a version of its own"
    )
    device: Device = Field("auto", description="where networks run; auto: CUDA where torch and a GPU are, else the CPU")
    visual_model: VisualModel = Field("lite0", description="who looks at frames; others than lite0: pack full")
    face_detector: FaceDetectorModel = Field("centerface", description="who finds faces; yunet: pack full")
    face_encoder: FaceEncoderModel = Field("dlib", description="who tells people apart; sface: pack full")
    speech: Literal["off", "auto"] = Field(
        "auto", description="recognise speech without subtitles; auto: where the extra asr and whisper-base are here"
    )
    face_size_px: int = Field(448, ge=64, le=1920, description="long side of what the face detector sees")
    face_min_px: int = Field(20, ge=12, description="shorter side of the smallest face that is to be known again")
    face_min_quality: float = Field(
        0.3, gt=0, le=1, description="how well a face must be seen (size, sharpness, turn) to be known again"
    )
    deadline_s: float = Field(600.0, gt=0, description="a summary waits so long for a silent stage")

    face_threshold_l2: float | None = Field(
        None, gt=0, description="faces farther apart than this are two people; default: the encoder's (dlib 0.55)"
    )
    face_margin_l2: float | None = Field(
        None,
        ge=0,
        description="the second nearest person must be so much farther away; default: the encoder's (dlib 0.03)",
    )
    gallery_flat_limit: int = Field(50_000, ge=1, description="identities up to which every one is measured")
    gallery_cells_searched: int = Field(48, ge=1, description="cells of a larger gallery that are searched")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least important line that is logged"
    )
    log_json: bool = Field(False, description="logs as one JSON object a line")
    metrics_port: int = Field(0, ge=0, le=65535, description="/metrics and /health of a worker; 0: any free port")

    dashboard_host: str = Field(
        "127.0.0.1", description="address the dashboard listens on; others than loopback need users or tokens, and TLS"
    )
    dashboard_port: int | None = Field(
        None, ge=0, le=65535, description="its port; unset: 8484, or a free one while that is taken; 0: any free one"
    )
    dashboard_names: Words = Field((), description="names under which browsers reach it, e.g. videos.example.org")
    dashboard_tls_cert: Path | None = Field(None, description="certificate chain for HTTPS (PEM)")
    dashboard_tls_key: Path | None = Field(None, description="its private key (PEM)")
    dashboard_behind_proxy: Words = Field(
        (), description="addresses or networks of proxies that add HTTPS; their X-Forwarded headers are believed"
    )
    dashboard_reads_per_minute: int = Field(6000, ge=1, description="requests that read, of one user or token")
    dashboard_writes_per_minute: int = Field(
        600, ge=1, description="requests that change something, of one user or token"
    )

    @field_validator("fetch_networks", "dashboard_behind_proxy")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks

    @property
    def cache_folder(self) -> Path:
        return self.cache or self.home / "cache"

    @property
    def media_location(self) -> str:
        return self.media or str(self.home / "media")

    def options(self) -> Options:
        """Give processors the settings that change what they answer."""
        likeness = LIKENESS[self.face_encoder]
        return Options(
            subtitle_languages=self.subtitle_languages,
            frame_rate_hz=self.frame_rate_hz,
            deadline_s=self.deadline_s,
            fetch_at_once=self.fetch_at_once,
            max_bytes=self.fetch_max_bytes,
            max_duration_s=self.fetch_max_duration_s,
            inference_threads=self.inference_threads,
            precision=self.precision,
            device=self.device,
            face_threshold_l2=likeness.person_below if self.face_threshold_l2 is None else self.face_threshold_l2,
            face_margin_l2=likeness.margin if self.face_margin_l2 is None else self.face_margin_l2,
            gallery_flat_limit=self.gallery_flat_limit,
            gallery_cells_searched=self.gallery_cells_searched,
            visual_model=self.visual_model,
            face_detector=self.face_detector,
            face_encoder=self.face_encoder,
            speech=self.speech,
            face_size_px=self.face_size_px,
            face_min_px=self.face_min_px,
            face_min_quality=self.face_min_quality,
            modalities=modalities(),
        )

    def environment(self) -> dict[str, str]:
        """Write all settings as environment variables, secrets included, for our own child processes."""
        written = {CONFIG_VARIABLE: os.devnull}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            if value is not None:
                written[f"GROUNDSWELL_{name.upper()}"] = ",".join(value) if isinstance(value, tuple) else str(value)
        return written

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, Path(os.environ.get(CONFIG_VARIABLE, "groundswell.toml")))
        return init_settings, env_settings, file


@cache
def load() -> Settings:
    """Read the settings of this process, once.

    Raises
    ------
    SettingsInvalid
        Names each setting that cannot work, and why.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise SettingsInvalid("settings that cannot work: " + "; ".join(lines)) from error
