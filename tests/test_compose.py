"""docker-compose.yml is well formed, and fits the topology and the settings."""

import copy
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any  # Any: YAML

import pytest
import yaml
from jsonschema import Draft202012Validator

from dashboard.listening import refuse_unsafe
from schemas.errors import SettingsInvalid
from streams.kafka.admin import topic_config
from streams.settings import Settings
from streams.topology import STAGES, TOPICS

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: s for name, s in SERVICES.items() if s["image"].startswith("groundswell:")}
WORKERS = {name: s for name, s in OURS.items() if s.get("command", [])[:2] == ["groundswell", "worker"]}
SCHEMA = json.loads((ROOT / "tests/golden/compose.schema.json").read_text("utf-8"))
BUILD: dict[str, str] = COMPOSE["x-groundswell"]["build"]
DOCKERFILE = (ROOT / "streams/Dockerfile").read_text("utf-8")

of_every_worker = pytest.mark.parametrize("name", WORKERS)
of_all_ours = pytest.mark.parametrize("name", OURS)


def test_the_file_follows_the_part_of_the_compose_specification_that_we_use() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(COMPOSE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("comand", ["groundswell"]),
        ("container_name", "text"),
        ("ports", ["9100:9100"]),
        ("privileged", True),
        ("stop_grace_period", 20),
        ("image", "groundswell:latest"),
        ("environment", {"GROUNDSWELL_LOG_JSON": True}),
        ("volumes", ["./:/source"]),
        ("depends_on", {"kafka": {"condition": "healthy"}}),
    ],
)
def test_a_slip_in_a_service_is_found(key: str, value: object) -> None:
    slipped = copy.deepcopy(COMPOSE)
    slipped["services"]["text"][key] = value
    assert not Draft202012Validator(SCHEMA).is_valid(slipped)


def test_every_stage_has_its_service_and_no_service_works_for_another() -> None:
    assert {name: service["command"] for name, service in WORKERS.items()} == {
        stage.name: ["groundswell", "worker", stage.name] for stage in STAGES
    }


@of_all_ours
def test_every_setting_of_a_service_exists_and_has_a_value_that_works(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = OURS[name]["environment"]
    known = {f"GROUNDSWELL_{field.upper()}" for field in Settings.model_fields}
    assert set(environment) <= known
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert Settings().kafka == "kafka:9092"


def test_the_image_sets_only_settings_that_exist() -> None:
    named = set(re.findall(r"\bGROUNDSWELL_[A-Z_]+", DOCKERFILE))
    assert named == {"GROUNDSWELL_HOME"}


@of_every_worker
def test_a_worker_is_checked_where_it_answers(name: str) -> None:
    worker = WORKERS[name]
    port = worker["environment"]["GROUNDSWELL_METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/health" in worker["healthcheck"]["test"][-1]


def test_the_health_check_is_python_that_compiles() -> None:
    _, program, option, code = WORKERS["text"]["healthcheck"]["test"]
    assert (program, option) == ("python", "-c")
    compile(code, "healthcheck", "exec")


@of_every_worker
def test_a_worker_can_be_scaled(name: str) -> None:
    assert not {"container_name", "hostname", "ports"} & set(WORKERS[name])
    assert "/groundswell" in WORKERS[name]["volumes"], "tables and partial downloads are each container's own"


@of_every_worker
def test_a_worker_waits_for_kafka_and_for_topics_and_weights(name: str) -> None:
    assert WORKERS[name]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "init": {"condition": "service_completed_successfully"},
    }


@of_every_worker
def test_a_worker_has_time_to_finish(name: str) -> None:
    assert int(WORKERS[name]["stop_grace_period"].removesuffix("s")) > 10


@of_all_ours
def test_our_containers_have_no_power_they_do_not_need(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")


def test_only_what_fetches_or_serves_people_reaches_the_internet() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name for name, s in SERVICES.items() if s["networks"] != ["inside"]} == {"init", "fetch", "dashboard"}


def test_the_dashboard_is_published_to_this_machine_only_and_checked_where_it_answers() -> None:
    dashboard = SERVICES["dashboard"]
    port = dashboard["environment"]["GROUNDSWELL_DASHBOARD_PORT"]
    assert {name: s["ports"] for name, s in SERVICES.items() if "ports" in s} == {
        "dashboard": [f"127.0.0.1:{port}:{port}"]
    }
    assert f"http://127.0.0.1:{port}/health" in dashboard["healthcheck"]["test"][-1]
    assert dashboard["command"] == ["groundswell", "dashboard"]


def test_the_dashboard_would_start_as_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES["dashboard"]["environment"].items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid, match="groundswell users add"):
        refuse_unsafe(Settings(), has_accounts=False)
    refuse_unsafe(Settings(), has_accounts=True)


def test_who_may_log_in_is_known_to_the_command_line_and_the_dashboard_and_no_worker() -> None:
    shared = "access:/groundswell/dashboard"
    assert {name for name, service in OURS.items() if shared in service["volumes"]} == {"cli", "dashboard"}


def test_everything_a_service_names_exists() -> None:
    for service in SERVICES.values():
        named = {volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith("/")}
        assert named <= set(COMPOSE["volumes"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_the_folders_of_named_volumes_belong_to_the_user_of_the_image() -> None:
    _, _, rest = DOCKERFILE.partition("install -d -o groundswell -g groundswell")
    made = set(re.findall(r"/groundswell[a-z/]*", rest.partition("COPY")[0]))
    mounted = {volume.split(":")[-1] for service in OURS.values() for volume in service["volumes"]}
    assert mounted == made


def test_the_build_has_what_it_copies() -> None:
    assert {json.dumps(service["build"]) for service in OURS.values()} == {json.dumps(BUILD)}
    assert (ROOT / BUILD["context"] / BUILD["dockerfile"]).resolve() == ROOT / "streams/Dockerfile"
    let_through = (ROOT / "streams/Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    }
    assert {f"!{word}" for word in copied} <= set(let_through)
    assert [word for word in sorted(copied) if not (ROOT / word).exists()] == []


def test_every_package_of_the_wheel_is_copied_into_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert all(f"COPY {package} {package}\n" in DOCKERFILE for package in packages)


def test_the_broker_takes_the_largest_record_of_the_topology() -> None:
    largest = max(int(topic_config(topic)["max.message.bytes"]) for topic in TOPICS)
    assert int(SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) >= largest


def test_docker_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker with the compose plugin is not installed here")
    done = subprocess.run(
        [docker, "compose", "--profile", "cli", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
