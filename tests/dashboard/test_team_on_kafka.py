"""People, releases, dead letters and jobs over the API on a real Kafka, with the gallery and a library that follows."""

from collections.abc import Iterator

import fitted
import pytest
from desks import a_client
from gallery_workers import Gallery
from people import video
from starlette.testclient import TestClient
from workers import wait_until

from dashboard.desk import Desk
from dashboard.library import open_library
from dashboard.library_follow import Follower
from dashboard.topics import KafkaTopics
from schemas.deadletters import EventRejected
from schemas.promotions import RoleGiven
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import read_to_end
from streams.kafka.step import REDRIVE_HEADER
from streams.release_roles import announce
from streams.storage.releases import ReleaseShelf
from streams.target_shelf import publish_shipped
from streams.world import open_media

pytestmark = pytest.mark.broker

LIMIT_S = 120.0
LETTER = EventRejected(
    event_id="letter", stage="text", source_topic="segments", source_partition=1, source_offset=7, attempts=5,
    error="a bad day", traceback="", rejected_at_s=1.0, key=b"url:v0/3", value=b'{"type": "Unknown"}',
)  # fmt: skip


class Team:
    """A client of the dashboard, and what lies on the topics behind it."""

    def __init__(self, gallery: Gallery, client: TestClient) -> None:
        self.gallery, self.client = gallery, client

    def get(self, path: str, **wanted: object):
        answer = self.client.get(path, params=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def people(self) -> dict[str, dict]:
        return {person["identity_id"]: person for person in self.get("/v1/people")["items"]}

    def until(self, true, what: str) -> None:
        """The library hears of things a moment after they are done."""
        wait_until(true, limit_s=LIMIT_S, what=what, tell=self.gallery.told)


@pytest.fixture(scope="module")
def team(cache, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    home = tmp_path_factory.mktemp("team-kafka")
    with EmbeddedBroker(home, cache) as broker:
        gallery = Gallery(broker, cache, home)
        gallery.start()
        publish_shipped(gallery.settings, gallery.bootstrap)
        library = open_library(gallery.settings)
        follower = Follower(gallery.settings, gallery.bootstrap, library)
        topics = KafkaTopics(gallery.settings, gallery.bootstrap)
        desk = Desk(
            settings=gallery.settings, bootstrap=gallery.bootstrap, library=library, topics=topics,
            store=open_media(gallery.settings),
        )  # fmt: skip
        follower.start()
        try:
            yield Team(gallery, a_client(desk))
        finally:
            follower.stop()
            topics.close()
            library.close()
            for worker in gallery.workers:
                worker.terminate()
                worker.wait(30)


def test_people_are_named_merged_and_the_merge_is_undone(team: Team) -> None:
    team.gallery.send([*video("url:one", ["ada"], ["ada"]), *video("url:two", ["ada"], ["eve"])])
    team.until(lambda: len(team.people()) == 2, "two people")
    ada, eve = team.people()
    named = team.client.put(f"/v1/people/{ada}/name", json={"name": "Ada"})
    assert named.status_code == 200, named.text
    team.until(lambda: team.people()[ada].get("name") == "Ada", "the name")
    merged = team.client.post(f"/v1/people/{ada}/merge", json={"from_id": eve})
    assert merged.status_code == 200, merged.text
    team.until(lambda: list(team.people()) == [ada], "the merge")
    assert team.get(f"/v1/people/{eve}")["row"]["identity_id"] == ada
    team.until(lambda: len(_done(team)) == 2, "both commands")
    undone = team.client.post("/v1/people/undo", json={})
    assert undone.status_code == 200, undone.text
    team.until(lambda: set(team.people()) == {ada, eve}, "both again")
    assert team.people()[ada].get("name") == "Ada"
    refused = team.client.post(f"/v1/people/{ada}/merge", json={"from_id": "person:0000000000000000"})
    assert refused.status_code == 422
    assert refused.json()["detail"]


def _done(team: Team) -> list[dict]:
    rows = team.get("/v1/people/commands")
    return [row for row in rows if row["answer"] and row["answer"]["state"] == "done"]


def test_a_dead_letter_goes_back_where_it_lay_and_waits_no_more(team: Team) -> None:
    team.gallery.send([LETTER])
    team.until(lambda: team.get("/v1/dead-letters")["total"] == 1, "the dead letter")
    answer = team.client.post("/v1/dead-letters/redrive", json={"keys": [LETTER.record_key]})
    assert answer.json() == {"redriven": 1, "left": 0}
    team.until(lambda: team.get("/v1/dead-letters")["total"] == 0, "nothing that waits")
    back = [
        r for r in read_to_end(team.gallery.settings, team.gallery.bootstrap, ["segments"]) if r.value == LETTER.value
    ]
    assert [(r.partition, r.key) for r in back] == [(1, LETTER.key)]
    assert dict(back[0].headers)[REDRIVE_HEADER] == b"text"


def test_releases_change_their_parts_are_compared_and_replayed_by_a_job(
    team: Team, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings, bootstrap = team.gallery.settings, team.gallery.bootstrap
    shelf = ReleaseShelf(settings.home, open_media(settings))
    for number, name in enumerate(("r1", "r2"), 1):
        folder = fitted.release_folder(tmp_path_factory.mktemp("made") / name, name, trained_at_s=float(number))
        announce(settings, bootstrap, shelf.publish(folder), role="promoted" if number == 1 else "shadow")
    team.until(lambda: _parts(team) == {"r1": "serving", "r2": "shadow"}, "both releases")
    given = team.client.put("/v1/releases/virality/r2/role", json={"role": "promoted"})
    assert given.status_code == 200, given.text
    team.until(lambda: _parts(team)["r2"] == "serving", "the promotion")
    assert any(isinstance(e, RoleGiven) and e.role == "promoted" for e in team.gallery.events("releases"))
    compared = team.get("/v1/releases/compare", a="virality/r1", b="virality/r2")
    assert compared["videos"]["videos"] == 0
    assert compared["metrics"]

    team.gallery.send([fitted.summary(number) for number in range(3)])
    job = team.client.post("/v1/jobs", json={"kind": "replay", "targets": ["virality"]}).json()
    path = f"/v1/jobs/{job['job_id']}"
    team.until(lambda: team.get(path)["state"] not in ("waiting", "running"), "the replay")
    done = team.get(path)
    assert done["state"] == "done", done
    assert done["result"]["published"] == 3
    assert {change["before"] for change in done["result"]["changes"]} == {None}
    assert {change["target"] for change in done["result"]["changes"]} == {"virality"}


def _parts(team: Team) -> dict[str, str]:
    return {row["release"]["release_id"]: row["role"] for row in team.get("/v1/releases")}


def test_the_state_of_the_stages_is_told(team: Team) -> None:
    now = team.get("/v1/operations")
    stages = {one["now"]["stage"]: one["now"] for one in now["stages"]}
    assert stages["identity"]["workers"] == 1
    assert stages["text"]["workers"] == 0
    assert any("No worker runs for" in warning for warning in now["warnings"])
