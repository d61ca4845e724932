"""Labelling over the API: classes from forms, questions prepared in the background, judgements and the way back."""

import threading
import time
from pathlib import Path

import pytest
from desks import a_client, a_desk, topics_of
from starlette.testclient import TestClient
from subjects import SUBJECTS, summaries_of

from dashboard.asking import Asking
from dashboard.desk import Desk
from schemas.errors import BrokerUnavailable
from schemas.labels import LabelGiven
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from streams.label_candidates import Candidate, Summaries
from streams.target_files import shipped

LIMIT_S = 60.0
SCENES = shipped()["scenes"]


def candidates_of(target: TargetDefined, *, most: int | None = None) -> list[Candidate]:
    found = Summaries(target, most=most)
    for event in summaries_of(videos=6, segments=4):
        if isinstance(event, Summarised):
            found.take(event)
    return found.candidates()


def one_hot(texts):
    """Texts as vectors: those of different subjects are at right angles."""
    import numpy as np

    rows = [[float(subject in text.lower()) for subject in SUBJECTS] + [0.1] for text in texts]
    return np.array([np.array(row) / np.linalg.norm(row) for row in rows], np.float32)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path, [*shipped().values(), *summaries_of(videos=6, segments=4)])


@pytest.fixture
def client(desk: Desk) -> TestClient:
    client = a_client(desk, "editor")
    app = client.app._app  # the app itself stands behind the caller
    app.state.asking = Asking(desk, read=candidates_of, encode=one_hot)
    return client


def questions(client: TestClient, **wanted: object) -> list[dict[str, object]]:
    give_up_at_s = time.monotonic() + LIMIT_S
    while True:
        answer = client.get("/v1/labels/queue", params={"target": "scenes", "class": "halloween", **wanted}).json()
        if answer["state"] == "ready":
            assert answer["candidates"] == 24
            return answer["questions"]
        assert time.monotonic() < give_up_at_s, answer
        time.sleep(0.02)


def give(client: TestClient, question: dict[str, object], value: str = "yes") -> dict[str, object]:
    body = {name: question[name] for name in ("target", "video_id", "scope", "label")} | {"value": value}
    answer = client.post("/v1/labels", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_questions_come_with_what_is_needed_to_judge_them(client: TestClient) -> None:
    first = questions(client, count=3)[0]
    assert first["label"] == "halloween"
    assert first["definition"].startswith("Halloween")
    assert first["why"] in ("words", "unlike", "unsure", "likely", "new")


def test_what_was_judged_is_not_asked_again_until_it_is_taken_back(desk: Desk, client: TestClient) -> None:
    asked = questions(client, count=4)
    label = give(client, asked[0])
    assert label["by"] == "maria"
    places = {(q["video_id"], q["scope"]) for q in questions(client, count=20)}
    assert (asked[0]["video_id"], asked[0]["scope"]) not in places
    undone = client.post("/v1/labels/undo", json={"target": "scenes"}).json()
    assert undone["event_id"] == label["event_id"]
    assert [event.record_key for event in topics_of(desk).taken_back] == [LabelGiven(**strip(label)).record_key]
    places = {(q["video_id"], q["scope"]) for q in questions(client, count=20)}
    assert (asked[0]["video_id"], asked[0]["scope"]) in places
    assert client.post("/v1/labels/undo", json={"target": "scenes"}).status_code == 404


def strip(label: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in label.items() if name != "type"}


def test_judgements_are_counted_at_once(client: TestClient) -> None:
    asked = questions(client, count=3)
    for question, value in zip(asked, ("yes", "no", "skip"), strict=True):
        give(client, question, value)
    state = client.get("/v1/labels/counts", params={"target": "scenes"}).json()
    assert state["counts"]["halloween"] == {"yes": 1, "no": 1, "skip": 1}
    assert state["mine"] == 3
    listed = client.get("/v1/labels", params={"target": "scenes", "limit": 2}).json()
    assert [label["value"] for label in listed] == ["skip", "no"]


def test_people_agree_or_not_on_what_both_have_judged(client: TestClient, desk: Desk) -> None:
    question = questions(client)[0]
    give(client, question, "yes")
    other = a_client(desk, "editor")
    other.app._caller = type(other.app._caller)(name="ada", role="editor", way="token")
    give(other, question, "no")
    state = client.get("/v1/labels/counts", params={"target": "scenes"}).json()
    agreement = next(one for one in state["agreements"] if one["label"] == "halloween")
    assert agreement["shared"] == 1
    assert agreement["same"] == 0.0
    assert agreement["disputed"] == [f"{question['video_id']}/{question['scope']}"]
    shared = questions(client, shared="true")
    assert shared == []


@pytest.mark.parametrize(("change", "status"), [
    ({"video_id": "url:nothere"}, 404),
    ({"scope": "99"}, 404),
    ({"label": "no_such_class"}, 404),
    ({"target": "no_such_target"}, 404),
    ({"target": "virality"}, 422),
    ({"value": "maybe"}, 422),
    ({"scope": "x"}, 422),
])  # fmt: skip
def test_a_label_of_nothing_is_refused(desk: Desk, client: TestClient, change: dict[str, str], status: int) -> None:
    body = {"target": "scenes", "video_id": "url:v0", "scope": "1", "label": "halloween", "value": "yes"}
    assert client.post("/v1/labels", json=body).status_code == 201
    assert client.post("/v1/labels", json=body | change).status_code == status
    assert len(topics_of(desk).sent) == 1


def test_a_class_of_ones_own_needs_words_and_no_code(client: TestClient) -> None:
    wanted = {"name": "kitchen", "title": "Kitchen", "classes": [{"name": "baking", "definition": "Bread is baked."}]}
    made = client.post("/v1/targets", json=wanted)
    assert made.status_code == 201
    assert made.json()["kind"] == "multilabel"
    again = client.post("/v1/targets", json=wanted)
    assert again.json()["version"] == 1
    added = client.post("/v1/targets/kitchen/classes", json={"name": "dishes", "definition": "They are washed."})
    assert added.json()["version"] == 2
    assert [one["name"] for one in added.json()["classes"]] == ["baking", "dishes"]
    assert client.get("/v1/targets/kitchen").json()["version"] == 2
    redefined = client.post("/v1/targets/kitchen/classes", json={"name": "dishes", "definition": "By hand only."})
    assert [one["definition"] for one in redefined.json()["classes"]] == ["Bread is baked.", "By hand only."]


@pytest.mark.parametrize(("classes", "words"), [
    ([{"name": "Has Spaces", "definition": "x y"}], "small letters"),
    ([{"name": "empty", "definition": "  "}], "whole words"),
    ([{"name": "one", "definition": "x y"}, {"name": "two", "definition": "z", "aliases": ["one"]}], "twice"),
])  # fmt: skip
def test_a_definition_that_cannot_work_says_where_and_why(
    desk: Desk, client: TestClient, classes: list[dict[str, object]], words: str
) -> None:
    answer = client.post("/v1/targets", json={"name": "own", "classes": classes})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert "classes" in answer.json()["detail"]
    assert topics_of(desk).sent == []


@pytest.mark.parametrize("failure", [BrokerUnavailable("Kafka is away"), RuntimeError("Kafka is away")])
def test_nobody_waits_while_candidates_are_read_and_a_failure_is_said_and_mended(
    desk: Desk, failure: Exception
) -> None:
    gate, failing = threading.Event(), [True]

    def read(target: TargetDefined) -> list[Candidate]:
        gate.wait(LIMIT_S)
        if failing.pop() if failing else False:
            raise failure
        return candidates_of(target)

    asking = Asking(desk, read=read, encode=one_hot)
    assert asking.next(SCENES, "halloween", by="ada").state == "preparing"
    gate.set()
    states = _states(asking, until="failed")
    assert states[-1].problem == "Kafka is away"
    asking._rooms[SCENES.name, SCENES.version].read_at_s = float("-inf")  # instead of waiting for its next try
    assert _states(asking, until="ready")[-1].questions


def _states(asking: Asking, *, until: str):
    found, give_up_at_s = [], time.monotonic() + LIMIT_S
    while not found or found[-1].state != until:
        assert time.monotonic() < give_up_at_s
        found.append(asking.next(SCENES, "halloween", by="ada"))
        time.sleep(0.01)
    return found


def test_only_the_newest_candidates_are_kept() -> None:
    kept = candidates_of(SCENES, most=5)
    assert [str(c.place) for c in kept] == [str(c.place) for c in candidates_of(SCENES)][-5:]
