"""Every route does what the OpenAPI document says, whatever is sent to it (schemathesis)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any  # Any: schemathesis builds its types as it goes

import examples
import pytest
import schemathesis
from desks import a_client, a_desk
from examples import EXAMPLES
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dashboard.access.accounts import owner_token
from dashboard.access.database import open_database
from dashboard.app import create_app
from dashboard.desk import Desk
from dashboard.guard import guarded
from dashboard.job_folders import FOLDER as JOBS
from dashboard.jobs import STARTING_LOCK
from streams.locks import try_lock
from streams.settings import Settings


def nothing_broke(ctx: object, response: Any, case: object) -> None:
    """An answer of 500 is our fault; 503 says that Kafka is away, which it is here."""
    assert response.status_code < 500 or response.json()["type"] == "/problems/unavailable", response.text


CHECKS = [
    nothing_broke,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EXAMPLES_A_ROUTE = 10
FEWER = {"GET /v1/operations": 2, "POST /v1/people": 3}
"""One waits for Kafka, which is away; the other looks at photos in a process of its own."""

STREAMS = r"/events$"
"""They never end."""


@dataclass(frozen=True)
class Api:
    """The API behind all that stands before it, over one video's whole story."""

    schema: Any
    headers: dict[str, str]
    known: dict[str, object]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Jobs wait for ever here, because somebody else holds the lock that starts them."""
    home = tmp_path_factory.mktemp("home")
    often = 1_000_000
    limits = {"dashboard_reads_per_minute": often, "dashboard_writes_per_minute": often}
    wishes = Settings(home=home, dashboard_names=("testserver",), **limits)
    (home / JOBS).mkdir()
    held = try_lock(home / JOBS / STARTING_LOCK)
    assert held is not None
    desk, database = a_desk(home, EXAMPLES.values(), settings=wishes), open_database(home)
    app = create_app(desk)
    found = known_ids(desk)
    headers = {"Authorization": f"Bearer {owner_token(home)}"}
    yield Api(
        schemathesis.openapi.from_asgi("/v1/openapi.json", guarded(app, wishes, database), headers=headers),
        headers,
        found,
    )
    for job in app.state.jobs.list():
        if job.is_active:
            app.state.jobs.cancel(job.job_id)
    database.close()
    desk.library.close()
    os.close(held)


def known_ids(desk: Desk) -> dict[str, object]:
    """What is here to be asked for, by the name of the parameter."""
    client = a_client(desk)
    hook = client.post("/v1/webhooks", json={"url": "https://example.org/"}).json()["webhook"]
    upload = client.post("/v1/uploads", json={"name": "a.mp4", "size_bytes": 5}).json()
    job = client.delete(f"/v1/videos/{examples.VIDEO_ID}").json()
    (person, *_) = client.get("/v1/people").json()["items"]
    return {
        "video_id": examples.VIDEO_ID,
        "identity_id": person["identity_id"],
        "target": examples.TARGET.name,
        "webhook_id": hook["webhook_id"],
        "upload_id": upload["upload_id"],
        "job_id": job["job_id"],
        "key": examples.REJECTED.record_key,
        "at_ms": 15_000,
    }


def test_every_route_answers_as_described(api: Api) -> None:
    """One test for all of them, so that the document and the app are made once; it names every route that fails."""
    failed, called = dict[str, str](), 0
    for operation in (found.ok() for found in api.schema.exclude(path_regex=STREAMS).get_all_operations()):
        try:
            called += calls_of(operation, api)
        except (Exception, BaseExceptionGroup) as error:  # schemathesis raises groups of what was wrong
            failed[operation.label] = str(error)
    assert not failed, "\n\n".join(f"{label}: {why}" for label, why in failed.items())
    assert called > 100
    print(f"{called} calls of every operation, and none broke its promise")


def calls_of(operation: Any, api: Api) -> int:
    """Call a route with what fits its description and what doesn't, every other time about what is here."""
    count = 0

    @seed(6)
    @settings(
        max_examples=FEWER.get(operation.label, EXAMPLES_A_ROUTE),
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), is_about_known=booleans())
    def call(case: schemathesis.Case, is_about_known: bool) -> None:
        nonlocal count
        count += 1
        for place in (case.path_parameters, case.query) if is_about_known else ():
            place.update({name: value for name, value in api.known.items() if name in place})
        case.call_and_validate(checks=CHECKS, headers=api.headers)

    call()
    return count
