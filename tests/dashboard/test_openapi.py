"""The OpenAPI document says what structs, problems and roles are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: JSON

import pytest
from desks import a_desk
from jsonschema import Draft202012Validator

from dashboard.app import create_app


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return create_app(a_desk(tmp_path_factory.mktemp("home"))).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references_in(node: Any) -> Iterator[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for child in children:
        yield from references_in(child)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(references_in(document))
    assert len(references) > 10
    for reference in references:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_a_list_of_videos_is_described_by_its_struct(document: dict[str, Any]) -> None:
    answer = document["paths"]["/v1/videos"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/VideoPage"}
    assert set(document["components"]["schemas"]["VideoPage"]["properties"]) == {"items", "next_cursor", "total"}


def test_every_operation_names_its_role_its_tag_and_what_may_go_wrong(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert "Needs role: " in operation["description"], name
        assert operation["security"] == [{"token": []}, {"session": []}], name
        assert {"401", "403", "422", "429"} <= set(operation["responses"]), name
        assert {*operation["tags"]} <= {tag["name"] for tag in document["tags"]}, name


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_the_document_is_made_once(tmp_path: Path) -> None:
    app = create_app(a_desk(tmp_path))
    assert app.openapi() is app.openapi()


def examples_in(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every example of an answer, with its schema and the name of its operation."""
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    yield f"{name} {status}", content["schema"], content["example"]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    found = list(examples_in(document))
    assert len(found) > 20
    for name, schema, example in found:
        errors = list(Draft202012Validator(schema | {"components": document["components"]}).iter_errors(example))
        assert not errors, f"{name}: {errors[0].message}"


@pytest.mark.parametrize("tag", ["videos", "uploads", "batches", "outcomes", "webhooks"])
def test_every_answer_that_is_json_has_an_example(tag: str, document: dict[str, Any]) -> None:
    with_example = {name for name, _, _ in examples_in(document)}
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if tag in operation["tags"] and status.startswith("2") and "application/json" in answer.get("content", {}):
                assert f"{name} {status}" in with_example or "/v1/videos/{video_id}" in name
