"""Settings: from the environment and a file, checked once, handed to children whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import SettingsInvalid
from streams import settings as module
from streams.settings import Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("GROUNDSWELL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    module.load.cache_clear()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "groundswell.toml").write_text('partitions = 3\nsubtitle_languages = ["de", "en"]\n')
    monkeypatch.setenv("GROUNDSWELL_PARTITIONS", "5")
    loaded = Settings()
    assert (loaded.partitions, loaded.subtitle_languages) == (5, ("de", "en"))


@pytest.mark.parametrize(
    ("name", "value"), [("PARTITIONS", "0"), ("FETCH_NETWORKS", "10.0.0.0/99"), ("FETCH_BACKEND", "curl")]
)
def test_a_setting_that_cannot_work_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"GROUNDSWELL_{name}", value)
    with pytest.raises(SettingsInvalid, match=name.lower()):
        module.load()


def test_a_child_gets_exactly_the_settings_of_its_parent(tmp_path: Path) -> None:
    mine = Settings(
        home=tmp_path / "a home", kafka="k:9", kafka_password="s3cret", fetch_networks=("127.0.0.0/8",), log_json=True
    )
    program = "from streams.settings import load; print(load().model_dump())"
    run = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **mine.environment()}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert run.stdout.strip() == str(mine.model_dump())
    assert mine.environment()["GROUNDSWELL_KAFKA_PASSWORD"] == "s3cret"


def test_secrets_are_masked_when_printed() -> None:
    assert "s3cret" not in str(Settings(kafka_password="s3cret"))


def test_a_segment_is_complete_when_every_stage_that_reads_segments_has_answered() -> None:
    asked = Settings().options().modalities
    assert {"text", "audio"} <= set(asked)
    assert "assemble" not in asked
    assert "identity" not in asked, "it answers when faces come, not for each segment"
