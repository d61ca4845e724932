"""The generated documents say what the code says, and nothing that does not exist."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: JSON and YAML

import pytest
import yaml
from golden_events import files
from jsonschema import Draft202012Validator

from streams.topology import STAGES, TOPICS

ROOT = Path(__file__).parent.parent
EVENT_NAMES = [event.__name__ for topic in TOPICS for event in topic.events]
STALE = ["docs/asyncapi.yaml", "docs/events.md", "docs/operations.md", "docs/schemas/SegmentCut.json"]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's documents, freshly written."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "docs", root / "docs")
    shutil.copytree(ROOT / "tests/golden/events", root / "tests/golden/events")
    shutil.copy(ROOT / "pyproject.toml", root)
    assert generate(root).returncode == 0
    return root


def generate(root: Path, *options: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "docs/generate.py"), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(generated: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return shutil.copytree(generated, tmp_path / "project")


@pytest.fixture(scope="module")
def asyncapi(generated: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((generated / "docs/asyncapi.yaml").read_text("utf-8"))
    return document


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in (root / "docs").rglob("*.*") if path.is_file()}


def test_documents_that_were_just_written_are_up_to_date(generated: Path) -> None:
    done = generate(generated, "--check")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", STALE)
def test_a_stale_document_fails_the_check_by_name_and_is_mended(project: Path, path: str) -> None:
    text = (project / path).read_text("utf-8")
    (project / path).write_text(text.replace("video", "film").replace("GROUNDSWELL_HOME", "HOME"), "utf-8")
    done = generate(project, "--check")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"stale: {path}"
    assert generate(project).stdout == f"wrote {path}\n"
    assert generate(project, "--check").returncode == 0


def test_a_missing_document_fails_the_check(project: Path) -> None:
    (project / "docs/schemas/SegmentCut.json").unlink()
    assert "stale: docs/schemas/SegmentCut.json" in generate(project, "--check").stdout


def test_the_schema_of_an_event_that_is_gone_fails_the_check_and_is_removed(project: Path) -> None:
    orphan = project / "docs/schemas/SegmentGlued.json"
    orphan.write_text("{}")
    assert generate(project, "--check").returncode == 1
    generate(project)
    assert not orphan.exists()


def test_a_check_writes_nothing(project: Path) -> None:
    (project / "docs/events.md").write_text("old")
    before = contents(project)
    generate(project, "--check")
    assert contents(project).items() >= before.items()


def test_another_hash_seed_writes_the_same_documents(project: Path) -> None:
    for path in ("docs/events.md", "docs/asyncapi.yaml", *(f"docs/schemas/{name}.json" for name in EVENT_NAMES)):
        (project / path).unlink()
    generate(project, hash_seed="7")
    assert generate(project, "--check", hash_seed="8").returncode == 0


@pytest.mark.parametrize("path", files(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_golden_event_is_valid_by_its_json_schema(generated: Path, path: Path) -> None:
    validator = validator_of(generated, path.stem)
    validator.validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", files(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_json_schema_refuses_an_event_that_lacks_a_required_field(generated: Path, path: Path) -> None:
    validator = validator_of(generated, path.stem)
    event = json.loads(path.read_bytes())
    for name in schema_of(generated, path.stem)["required"]:
        assert not validator.is_valid({k: v for k, v in event.items() if k != name}), name


def schema_of(root: Path, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((root / f"docs/schemas/{name}.json").read_text("utf-8"))
    return schema


def validator_of(root: Path, name: str) -> Draft202012Validator:
    schema = schema_of(root, name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("video_id", ["file:../../etc", "youtube:a\n", "youtube:"])
def test_a_json_schema_refuses_a_hostile_video_id(generated: Path, video_id: str) -> None:
    event = json.loads((ROOT / "tests/golden/events/v1/SegmentCut.json").read_bytes())
    assert not validator_of(generated, "SegmentCut").is_valid({**event, "video_id": video_id})


def test_every_reference_of_the_asyncapi_document_leads_somewhere(generated: Path, asyncapi: dict[str, Any]) -> None:
    references = list(references_in(asyncapi))
    assert len(references) > len(TOPICS) + len(EVENT_NAMES)
    for reference in references:
        file, _, pointer = reference.partition("#")
        target = json.loads((generated / "docs" / file).read_text("utf-8")) if file else asyncapi
        for part in filter(None, pointer.split("/")):
            target = target[part]
        assert target


def references_in(node: Any) -> Iterator[str]:  # Any: YAML
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and "$ref" in node:
        yield node["$ref"]
    for child in children:
        yield from references_in(child)


def test_every_topic_is_a_channel_with_its_cleanup_and_messages(asyncapi: dict[str, Any]) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    assert list(asyncapi["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        channel = asyncapi["channels"][topic.name]
        assert channel["address"] == topic.name
        assert list(channel["messages"]) == [event.__name__ for event in topic.events]
        configuration = channel["bindings"]["kafka"]["topicConfiguration"]
        assert ",".join(configuration["cleanup.policy"]) == topic.cleanup


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.name)
def test_every_stage_receives_what_it_reads_and_sends_what_it_writes(stage: Any, asyncapi: dict[str, Any]) -> None:
    mine = [o for o in asyncapi["operations"].values() if o["tags"] == [{"name": stage.name}]]
    topics = {
        action: sorted(o["channel"]["$ref"].removeprefix("#/channels/") for o in mine if o["action"] == action)
        for action in ("receive", "send")
    }
    assert topics == {"receive": sorted(stage.reads + stage.hears), "send": sorted(stage.writes)}


def test_the_event_page_shows_every_topic_and_every_event_with_an_example(generated: Path) -> None:
    page = (generated / "docs/events.md").read_text("utf-8")
    headings = re.findall(r"^#{2,3} (\S+)$", page, re.MULTILINE)
    assert set(headings) >= {*EVENT_NAMES, *(topic.name for topic in TOPICS)}
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert [example["type"] for example in examples] == EVENT_NAMES


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), f"{page.name} links to {link}, which is not there"
