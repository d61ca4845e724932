"""Erasing people and videos, and a proof that fails when one copy is left."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pytest
import runs
from frame_zips import zip_of
from gallery_workers import Gallery
from networks import face_sight
from people import face, video
from portraits import portrait
from small_events import link
from workers import wait_until

from models.pooling import add, pool_one
from models.vectors import from_vector, to_vector
from processors.faces import FacesProcessor
from schemas.codec import encode
from schemas.event import Event
from schemas.faces import PRESENCE, FaceTracked
from schemas.features import FeatureExtracted, Vector
from schemas.identities import IdentityRecorded
from schemas.media import Metadata
from schemas.summaries import Summarised
from streams.erasure import erase_person, erase_video, is_of_video
from streams.erasure_proof import prove
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer
from streams.people import everyone, find
from streams.topology import modalities
from streams.traces import Search, Traces
from streams.world import open_media

AnyEvent = TypeVar("AnyEvent", FeatureExtracted, Summarised)

NAME = "Ada Lövelace"
ALONE = "url:alone"
REF = "videos/url/one/faces/0-0.jpg"
TRACES = Traces(names=(NAME,), refs=(REF,), vectors=(face("ada"), face("eve")))


def near(vector: Vector) -> Vector:
    """A copy with a little noise: about 5e-4 away by cosine."""
    numbers = from_vector(vector)
    noise = np.random.default_rng(1).normal(size=numbers.size)
    return to_vector(numbers + noise / np.linalg.norm(noise) * np.linalg.norm(numbers) * 0.03)


def half(vector: Vector) -> Vector:
    return to_vector(from_vector(vector), "float16")


@pytest.mark.parametrize(
    "record",
    [
        encode(IdentityRecorded(event_id="x", identity_id="person:0123456789abcdef", name=NAME)),
        json.dumps({"words": f"said {NAME} twice"}).encode(),
        msgspec.json.encode({"deep": [{"ref": REF}]}),
        msgspec.json.encode({"deep": [{"vector": face("ada")}]}),
        msgspec.json.encode({"vector": near(face("eve"))}),
        msgspec.json.encode({"vector": half(face("ada"))}),
        msgspec.json.encode({"pooled": {"dim": 128, "count": 3, "sums": (from_vector(face("ada")) * 3 * 2**24).astype("<i8").tobytes()}}),
        msgspec.json.encode({"value": msgspec.json.encode({"vector": near(face("ada"))})}),
    ],
    ids=["name", "escaped name", "reference", "vector", "near vector", "float16", "pooled", "in a dead letter"],
)  # fmt: skip
def test_a_trace_is_found_in_a_record_however_it_is_written(record: bytes) -> None:
    assert Search(TRACES).in_record(record)


@pytest.mark.parametrize(
    "data",
    [
        NAME.encode(),
        b"\0\1\2" + face("ada").data + b"\3",
        b"\0" + near(face("eve")).data,
        b'{"data":"' + base64.b64encode(face("ada").data) + b'"}',
    ],
    ids=["name", "vector", "near vector", "as text"],
)
def test_a_trace_is_found_in_a_file_wherever_it_lies(data: bytes) -> None:
    assert Search(TRACES).in_bytes(b"\xff" * 1001 + data + b"\xff" * 999)


def test_others_are_not_taken_for_traces() -> None:
    search = Search(TRACES)
    other = face("ada", "another look", noise=0.3)
    assert search.in_record(msgspec.json.encode({"vector": other, "words": "Ada", "vectors": [1.5, None]})) is None
    assert search.in_bytes(other.data * 3 + np.random.default_rng(1).bytes(4096)) is None
    assert Search(Traces()).in_bytes(face("ada").data) is None


def test_a_videos_own_keys_are_told_from_others() -> None:
    own = [b"url:a", b"url:a/0", b"url:a/video/text"]
    others = [b"url:ab", b"url:ab/0", b"toy/url:a", b"url:a/erased"]
    assert [is_of_video(key, "url:a") for key in own + others] == [True] * 3 + [False] * 4


# -- on a real system ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gallery(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    home = tmp_path_factory.mktemp("erasure")
    with EmbeddedBroker(home, cache) as broker, Gallery(broker, cache, home) as running:
        for stage in ("identity", "identity", "assemble", "influence"):
            running.start(stage)
        _tell_stories(running)
        _show_somebody_alone(running)
        yield running


def _tell_stories(gallery: Gallery) -> None:
    """Two videos from link to faces, as far as it takes no network; pictures lie where events say."""
    store = open_media(gallery.settings)
    for video_id, cast in (("url:one", ["ada"]), ("url:two", ["eve"])):
        faces = [msgspec.structs.replace(e, revision=runs.revision("one")) for e in video(video_id, cast, [])]
        frames = f"videos/{video_id.replace(':', '/')}/frames.zip"
        cuts = [msgspec.structs.replace(e, frames_ref=frames) for e in [runs.cut(video_id, 0, count=1)]]
        story = [
            link(video_id),
            runs.fetched(video_id, metadata=Metadata(title="A title", channel="tests", uploaded_at_s=1e9)),
            *cuts,
            runs.feature(video_id, "video"),
            *(runs.feature(video_id, 0, modality=modality) for modality in modalities()),
            runs.counted(video_id, 1),
            *faces,
        ]
        gallery.send(story)
        for ref in (frames, *(ref for e in faces if (ref := getattr(e, "crop_ref", None)))):
            store.put(ref, b"picture")
    wait_until(lambda: len(gallery.answered(2)) == 2, limit_s=90, what="both videos", tell=gallery.told)
    wait_until(lambda: len(_states(gallery)) >= 4, limit_s=60, what="both summaries", tell=gallery.told)
    wait_until(lambda: b"url:two" in _creators(gallery), limit_s=60, what="their appearances", tell=gallery.told)


def _show_somebody_alone(gallery: Gallery) -> None:
    """A video of one segment with one person in it, as the faces stage really sees it."""
    store, frames = open_media(gallery.settings), "videos/url/alone/frames.zip"
    store.put(frames, zip_of({0: portrait("astronaut")}))
    cut = msgspec.structs.replace(runs.cut(ALONE, 0, count=1), frames_ref=frames, shot_starts_s=(0.0,))
    (real,) = FacesProcessor(face_sight(gallery.settings.cache_folder), store).transform([cut])
    seen = [_as_made_up(event) for event in real]
    others = [runs.feature(ALONE, 0, modality=modality) for modality in ("text", "visual", "audio")]
    gallery.send([link(ALONE), runs.fetched(ALONE), cut, *seen, *others, runs.counted(ALONE, 1)])
    told = lambda: any(e.video_id == ALONE and e.scope == "0" for e in _of_type(gallery, Summarised))  # noqa: E731
    wait_until(told, limit_s=60, what="a summary of the segment", tell=gallery.told)
    wait_until(lambda: ALONE in gallery.answered(1), limit_s=60, what="the one person", tell=gallery.told)


def _as_made_up(event: Event) -> Event:
    """A gallery takes vectors of one model only, and the others here are made up."""
    if not isinstance(event, FaceTracked):
        return event
    return msgspec.structs.replace(event, model="test", model_version="1")


def _of_type(gallery: Gallery, kind: type[AnyEvent]) -> list[AnyEvent]:
    topics = {FeatureExtracted: "features", Summarised: "summaries"}
    return [event for event in gallery.events(topics[kind]) if isinstance(event, kind)]


def _states(gallery: Gallery) -> list[str]:
    return [key for key in gallery.states("assemble") if key.startswith("url:")]


def _creators(gallery: Gallery) -> bytes:
    return b"".join(gallery.states("influence").values())


@pytest.fixture(scope="module")
def erased(gallery: Gallery) -> Traces:
    """Ada, named and then erased, and whoever is alone in a segment."""
    gallery.run("people", "name", _person_of(gallery, "url:one").identity_id, NAME)
    people = [find(everyone(gallery.settings, gallery.bootstrap), NAME), _person_of(gallery, ALONE)]
    traces = [erase_person(gallery.settings, gallery.bootstrap, person).traces for person in people]
    assert [len(each.vectors) for each in traces] == [2, 2]  # a track and a centroid
    refs, vectors = ([part for each in traces for part in getattr(each, name)] for name in ("refs", "vectors"))
    return Traces(names=traces[0].names, refs=tuple(refs), vectors=tuple(vectors))


def _person_of(gallery: Gallery, video_id: str) -> IdentityRecorded:
    return next(p for p in everyone(gallery.settings, gallery.bootstrap) if _is_of(gallery, p, video_id))


def _is_of(gallery: Gallery, person: IdentityRecorded, video_id: str) -> bool:
    shown = json.loads(gallery.run("people", "show", person.identity_id, "--json").stdout)
    return any(track["track"].startswith(video_id) for track in shown["tracks"])


slow = [pytest.mark.broker, pytest.mark.slow]


def _in_a_file(gallery: Gallery) -> Callable[[], None]:
    path = gallery.settings.home / "media" / "copy.npy"
    path.write_bytes(b"\x93NUMPY" + near(face("ada", "url:one", 0, 0)).data)
    return path.unlink


def _on_a_topic(gallery: Gallery) -> Callable[[], None]:
    value = msgspec.json.encode({"vector": near(face("ada", "url:one", 0, 0))})
    return _planted(gallery, "predictions", value)


def _in_a_feature(gallery: Gallery) -> Callable[[], None]:
    feature = msgspec.structs.replace(
        runs.feature("url:one", 0, modality="faces"), vector=near(face("ada", "url:one", 0, 0))
    )
    return _planted(gallery, "features", encode(feature))


def _in_a_summary(gallery: Gallery) -> Callable[[], None]:
    """Pooled over three segments, as it was when the faces stage gave the mean of all faces."""
    pooled = pool_one(from_vector(near(face("ada", "url:one", 0, 0))))
    pooled = add(add(pooled, pooled), pooled)
    summary = _of_type(gallery, Summarised)[-1]
    return _planted(gallery, "summaries", encode(msgspec.structs.replace(summary, pooled={"segments/faces": pooled})))


def _as_a_name(gallery: Gallery) -> Callable[[], None]:
    return _planted(gallery, "groundswell-identity-states-changelog", json.dumps({"name": NAME}).encode())


def _planted(gallery: Gallery, topic_name: str, value: bytes) -> Callable[[], None]:
    def write(content: bytes | None) -> None:
        with BulkProducer(gallery.settings, gallery.bootstrap) as producer:
            producer.send_raw(topic_name, 0, key=b"planted", value=content)

    write(value)
    return lambda: write(None)


@pytest.mark.timeout(900)  # four proofs, each of which reads everything
@pytest.mark.broker
@pytest.mark.slow
def test_an_erased_person_is_nowhere_and_one_planted_copy_is_found(gallery: Gallery, erased: Traces) -> None:
    before = gallery.configs()
    proof = prove(gallery.settings, gallery.bootstrap, erased)
    assert (proof.findings, proof.records > 10, proof.files > 10) == ([], True, True)
    assert gallery.configs() == before
    assert erased.names == (NAME,)
    for plant in (_in_a_file, _on_a_topic, _in_a_feature, _in_a_summary, _as_a_name):
        remove = plant(gallery)
        found = prove(gallery.settings, gallery.bootstrap, erased, limit_s=0)
        assert not found.holds, plant.__name__
        remove()


@pytest.mark.broker
@pytest.mark.slow
def test_what_is_left_of_somebody_who_was_alone_says_how_and_not_who(gallery: Gallery, erased: Traces) -> None:
    (feature,) = {e.record_key: e for e in _of_type(gallery, FeatureExtracted) if _is_about_faces(e)}.values()
    of_segment, *_, of_video = [e for e in _of_type(gallery, Summarised) if e.video_id == ALONE]
    assert feature.vector is not None
    assert feature.numbers["face_share"] == 1
    assert {feature.vector.dim, of_segment.pooled["segments/faces"].dim, of_video.pooled["segments/faces"].dim} == {
        len(PRESENCE)
    }
    assert {vector.dim for vector in erased.vectors} == {128}


def _is_about_faces(feature: FeatureExtracted) -> bool:
    return feature.video_id == ALONE and feature.modality == "faces"


@pytest.mark.broker
@pytest.mark.slow
def test_an_erased_video_is_gone_from_topics_files_and_states(gallery: Gallery) -> None:
    other = _states(gallery)
    done = erase_video(gallery.settings, gallery.bootstrap, "url:two")
    wait_until(lambda: len(_states(gallery)) < len(other), limit_s=60, what="assemble to forget", tell=gallery.told)
    wait_until(lambda: b"url:two" not in _creators(gallery), limit_s=60, what="influence to forget", tell=gallery.told)
    proof = prove(gallery.settings, gallery.bootstrap, done.traces)
    assert proof.findings == []
    assert not [key for key in _states(gallery) if "url:two" in key]
    assert not [key for key in gallery.states("identity") if "url:two" in key]
    assert not (gallery.settings.home / "media" / "videos" / "url" / "two").exists()
    assert gallery.events("dead-letters") == []
