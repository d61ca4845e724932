"""What an erasure must not leave behind, wherever it lies and however late it comes."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import runs
from confluent_kafka import Consumer, TopicPartition
from gallery_workers import Gallery
from people import face, video
from small_events import link
from workers import wait_until

from schemas.codec import encode
from schemas.deadletters import EventRejected
from schemas.erased import VideoErased
from schemas.errors import UsageError
from schemas.event import Event, derive_id
from schemas.faces import FaceTracked
from schemas.features import Vector
from schemas.media import MediaDuplicated, Metadata
from streams.erasure import erase_person, erase_video
from streams.erasure_proof import prove
from streams.erasure_video import contents_of, copies_of, keys_of_videos, still_to_read, traces_of_video
from streams.kafka.admin import group_of
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, Record, event_of, latest_per_key, read_to_end
from streams.people import everyone, find
from streams.traces import Search, Traces
from streams.world import open_media

NAME = "Ada Lövelace"
TITLE = "Ada Lövelace explains it"


# -- finding traces -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "is_found"),
    [
        ("Ann", b'{"title":"Annual report"}', False),
        ("Ann", b'{"title":"With Ann"}', False),
        ("Ann", b'{"name":"Ann"}', True),
        ("Anna", b'{"title":"With Anna, twice"}', True),
        ("Anna", b"Savannah Annals Annabel", False),
        ("Grace Hopper", b"\x41Grace Hopperx", True),
        ("\u674e\u660e", b'{"name":"\\u674e\\u660e"}', True),
        ("\u674e\u660e", '{"name":"\u674e\u660e"}'.encode(), True),
        ('A "quoted" name', b'{"name":"A \\"quoted\\" name"}', True),
    ],
)
def test_a_name_is_told_from_a_part_of_a_word(name: str, data: bytes, is_found: bool) -> None:
    assert bool(Search(Traces(names=(name,))).in_bytes(data)) is is_found


def test_bytes_that_are_no_json_are_looked_through_inside_a_dead_letter() -> None:
    letter = EventRejected(
        event_id="x", stage="text", source_topic="links", source_partition=0, source_offset=1, error="", traceback="",
        attempts=1, rejected_at_s=0.0, value=b"\xff\x00" + NAME.encode(),
    )  # fmt: skip
    assert Search(Traces(names=(NAME,))).in_record(encode(letter))


def test_a_file_is_found_by_where_it_lies() -> None:
    search = Search(Traces(refs=("videos/url/one/faces/0-0.jpg", "/keyframes/url-one/")))
    found = ["media/videos/url/one/faces/0-0.jpg", "keyframes/url-one/a/1.jpg"]
    others = ["media/videos/url/one/faces/0-1.jpg", "keyframes/url-one-more/a/1.jpg"]
    assert [bool(search.in_path(path)) for path in found + others] == [True, True, False, False]


# -- what belongs to a video ----------------------------------------------------------------------------


def keyed(*events: Event) -> dict[tuple[str, int, bytes], Event]:
    return {("topic", 0, event.record_key.encode()): event for event in events}


COPY = msgspec.structs.replace(runs.fetched("url:copy"), duplicate_of="url:one")
POINTER = MediaDuplicated(event_id="d", video_id="url:one", duplicate_id="url:copy", revision=runs.revision("one"))


def test_copies_go_with_the_first_and_leave_it_alone() -> None:
    events = keyed(runs.fetched("url:one"), COPY, POINTER, runs.feature("url:one", 0), runs.fetched("url:other"))
    assert copies_of(events.values(), "url:one") == ("url:copy",)
    own = {key[2].decode() for key in keys_of_videos(events, ["url:one", "url:copy"])}
    assert own == {e.record_key for e in events.values() if e.partition_key != "url:other"}
    of_copy = {key[2].decode() for key in keys_of_videos(events, ["url:copy"])}
    assert of_copy == {COPY.record_key, POINTER.record_key}


def test_the_note_of_an_erasure_stays_and_a_dead_letter_of_the_video_goes() -> None:
    note = VideoErased(event_id="e", video_id="url:one", erased_at_s=1.0)
    letters = [
        EventRejected(
            event_id="x", stage="text", source_topic="segments", source_partition=0, source_offset=offset, error="",
            traceback="", attempts=1, rejected_at_s=0.0, key=key, value=b"\xff",
        )
        for offset, key in enumerate((b"url:one/3", b"url:other/3", None))
    ]  # fmt: skip
    own = keys_of_videos(keyed(note, *letters), ["url:one"])
    assert [key[2].decode() for key in own] == [letters[0].record_key]


def test_words_that_other_videos_say_too_prove_nothing() -> None:
    mine = [
        runs.fetched("url:one", metadata=Metadata(title="Our channel", description="Only here: the river")),
        msgspec.structs.replace(link("url:one"), upload_name="river.mp4", url=None),
    ]
    others = [runs.fetched("url:two", metadata=Metadata(title="Welcome to Our channel"))]
    traces = traces_of_video(mine, others, video_ids=["url:one"])
    assert traces.names == ("Only here: the river", "river.mp4")
    assert traces.refs == ("/keyframes/url-one/", "videos/url/one/")


def test_a_copy_has_no_note_of_its_own_about_its_bytes() -> None:
    first = runs.fetched("url:one")
    assert contents_of([first, COPY]) == {f"content/{first.sha256}": "url:one"}


def test_a_stage_has_still_to_read_what_it_has_not_committed() -> None:
    record = Record(topic="segments", partition=2, offset=7, key=b"k", value=b"v", headers=(), timestamp_ms=0)
    place = ("segments", 2)
    assert still_to_read([record], {"visual": {place: 7}, "audio": {place: 8}, "fetch": {}}) == ["visual"]
    assert still_to_read([record], {"text": {}}) == ["text"]


# -- on a real system -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gallery(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    home = tmp_path_factory.mktemp("leftovers")
    with EmbeddedBroker(home, cache) as broker, Gallery(broker, cache, home) as running:
        for stage in ("identity", "assemble"):
            running.start(stage)
        yield running


def tell(gallery: Gallery, video_id: str, *, submission: str = "first") -> list[Event]:
    """One segment with one face, from link to faces."""

    def anew(event: Event) -> Event:
        changes = {"event_id": derive_id("tests", "1", submission, event.event_id)}
        if "revision" in event.__struct_fields__:
            changes["revision"] = runs.revision("one")
        return msgspec.structs.replace(event, **changes)

    faces = video(video_id, [video_id])
    cut = runs.cut(video_id, 0, count=1)
    features = [runs.feature(video_id, 0, modality=name) for name in ("text", "visual", "audio", "faces")]
    told = [link(video_id), runs.fetched(video_id), cut, runs.counted(video_id, 1), *features, *faces]
    story = [anew(event) for event in told]
    gallery.send(story)
    wait_until(lambda: video_id in answered(gallery), limit_s=90, what="an answer", tell=gallery.told)
    wait_until(lambda: is_summed_up(gallery, video_id), limit_s=90, what="a summary", tell=gallery.told)
    return story


def answered(gallery: Gallery) -> set[str]:
    return {key.split("/")[0] for key in latest(gallery, "features") if key.endswith("/0/identity")}


def is_summed_up(gallery: Gallery, video_id: str) -> bool:
    return f"{video_id}/0" in latest(gallery, "summaries") and video_id in gallery.states("assemble")


def latest(gallery: Gallery, topic_name: str) -> dict[str, Event]:
    records = latest_per_key(read_to_end(gallery.settings, gallery.bootstrap, [topic_name])).values()
    return {(record.key or b"").decode(): event_of(record) for record in records}


def left_of(gallery: Gallery, video_id: str) -> list[str]:
    topics = ("links", "media", "segments", "features", "faces", "summaries", "dead-letters")
    keys = [key for name in topics for key in latest(gallery, name)]
    keys += [*gallery.states("assemble"), *gallery.states("identity")]
    return [key for key in keys if video_id in key and not key.endswith("/erased") and "gone/" not in key]


@pytest.mark.broker
@pytest.mark.slow
def test_what_a_stage_at_work_writes_late_does_not_come_back(gallery: Gallery) -> None:
    video_id = "url:late"
    story = tell(gallery, video_id)
    keyframe = gallery.settings.home / "keyframes" / "url-late" / "0" / "000000000.jpg"
    keyframe.parent.mkdir(parents=True)
    keyframe.write_bytes(b"picture")
    content = f"content/{story[1].sha256}"
    store = open_media(gallery.settings)
    store.put(content, video_id.encode())
    with closing(visual_at_work(gallery)) as stage:
        late = iter([runs.feature(video_id, "0", modality="visual"), *video(video_id, ["somebody"], ["late"])])

        def work(line: str) -> None:
            """The stage, in its own time: it answers, and only then commits."""
            assert "visual" in line
            event = next(late, None)
            if event is not None:
                gallery.send([event])
            else:
                stage.commit(offsets=ends_of(gallery, "segments"), asynchronous=False)

        done = erase_video(gallery.settings, gallery.bootstrap, video_id, say=work)
    assert next(late, None) is None
    assert (done.at_work, done.files, keyframe.exists(), store.exists(content)) == ((), 2, False, False)
    assert done.records["features"] >= 5
    wait_until(lambda: not left_of(gallery, video_id), limit_s=60, what="states to go", tell=gallery.told)
    proof = prove(gallery.settings, gallery.bootstrap, done.traces)
    assert (proof.findings, left_of(gallery, video_id)) == ([], [])


@pytest.mark.broker
@pytest.mark.slow
def test_a_stage_that_does_not_finish_is_named_and_nothing_is_kept_for_it(gallery: Gallery) -> None:
    tell(gallery, "url:stuck")
    with closing(visual_at_work(gallery)):
        done = erase_video(gallery.settings, gallery.bootstrap, "url:stuck", limit_s=0)
    assert done.at_work == ("visual",)
    wait_until(lambda: not left_of(gallery, "url:stuck"), limit_s=60, what="states to go", tell=gallery.told)


@pytest.mark.broker
@pytest.mark.slow
def test_a_video_that_is_submitted_again_is_there_again(gallery: Gallery) -> None:
    tell(gallery, "url:again")
    erase_video(gallery.settings, gallery.bootstrap, "url:again")
    wait_until(lambda: not left_of(gallery, "url:again"), limit_s=60, what="states to go", tell=gallery.told)
    with pytest.raises(UsageError, match="nothing is known of url:again"):
        erase_video(gallery.settings, gallery.bootstrap, "url:again")
    tell(gallery, "url:again", submission="second")
    assert "url:again/0" in latest(gallery, "summaries")
    assert "url:again/described" in latest(gallery, "media")


def visual_at_work(gallery: Gallery) -> Consumer:
    """A worker of another stage that holds its partitions and has committed nothing."""
    consumer = Consumer(
        {
            "bootstrap.servers": gallery.bootstrap,
            "group.id": group_of("visual"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["segments"])
    wait_until(lambda: bool(consumer.poll(0.5)), limit_s=60, what="partitions", tell=gallery.told)
    return consumer


def ends_of(gallery: Gallery, topic_name: str) -> list[TopicPartition]:
    last: dict[int, int] = {}
    for record in read_to_end(gallery.settings, gallery.bootstrap, [topic_name]):
        last[record.partition] = record.offset + 1
    return [TopicPartition(topic_name, partition, offset) for partition, offset in last.items()]


# -- one copy left, in each kind of place ----------------------------------------------------------------


class Gone(NamedTuple):
    """Somebody who was erased, and the system they were erased from."""

    gallery: Gallery
    traces: Traces
    vector: Vector


@pytest.fixture(scope="module")
def gone(gallery: Gallery) -> Gone:
    story = tell(gallery, "url:ada")
    track = next(event for event in story if isinstance(event, FaceTracked))
    open_media(gallery.settings).put(track.crop_ref or "", b"crop")
    known = json.loads(gallery.run("people", "list", "--json").stdout)
    shown = {p["identity_id"]: gallery.run("people", "show", p["identity_id"]).stdout for p in known}
    ada = next(identity_id for identity_id, text in shown.items() if "url:ada" in text)
    gallery.run("people", "name", ada, NAME)
    done = erase_person(gallery.settings, gallery.bootstrap, find(everyone(gallery.settings, gallery.bootstrap), NAME))
    assert (done.files, done.traces.names, done.traces.refs) == (1, (NAME,), (track.crop_ref,))
    assert prove(gallery.settings, gallery.bootstrap, done.traces).findings == []
    return Gone(gallery, done.traces, track.vector)


def on_topic(name: str, value: Callable[[Gone], bytes], *, headers: Callable[[Gone], bytes] = lambda gone: b"") -> Callable[[Gone, ExitStack], None]:  # fmt: skip
    def plant(gone: Gone, stack: ExitStack) -> None:
        def write(content: bytes | None) -> None:
            with BulkProducer(gone.gallery.settings, gone.gallery.bootstrap) as producer:
                told = (("told", headers(gone)),) if content else ()
                producer.send_raw(name, 0, key=b"planted", value=content, headers=told)

        write(value(gone))
        stack.callback(write, None)

    return plant


def in_file(name: str, data: Callable[[Gone], bytes]) -> Callable[[Gone, ExitStack], None]:
    def plant(gone: Gone, stack: ExitStack) -> None:
        path = gone.gallery.settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data(gone))
        stack.callback(path.unlink)

    return plant


def in_table(gone: Gone, stack: ExitStack) -> None:
    """As a worker's table that was left from before; its pages are compressed."""
    from rocksdict import Options, Rdict

    where = str(gone.gallery.settings.home / "state" / "identity" / "old.db")
    table = Rdict(where, Options(raw_mode=True))
    for number in range(500):
        table[b"%d" % number] = b'{"name":"somebody"}' * 9
    table[b"track/x"] = msgspec.json.encode({"vector": gone.vector})
    table.flush()
    table.close()
    stack.callback(Rdict.destroy, where)


def crop(gone: Gone, stack: ExitStack) -> None:
    store, ref = open_media(gone.gallery.settings), gone.traces.refs[0]
    store.put(ref, b"crop")
    stack.callback(store.remove, ref)


def titled(gone: Gone) -> bytes:
    return encode(msgspec.structs.replace(link("url:title"), title=TITLE, submitted_by=NAME))


def in_words(gone: Gone) -> bytes:
    return json.dumps({"message": f"the same file as {gone.traces.refs[0]}"}).encode()


def as_vector(gone: Gone) -> bytes:
    return msgspec.json.encode({"deep": [gone.vector]})


def as_name(gone: Gone) -> bytes:
    return json.dumps({"card": f"thanks to {NAME}"}).encode()


def as_poison(gone: Gone) -> bytes:
    return msgspec.json.encode({"value": base64.b64encode(b"\xff" + NAME.encode()).decode()})


PLACES: dict[str, tuple[Callable[[Gone, ExitStack], None], str]] = {
    "title and submitter": (on_topic("links", titled), "links/"),
    "message": (on_topic("progress", in_words), "progress/"),
    "dead letter": (on_topic("dead-letters", as_poison), "dead-letters/"),
    "feature": (on_topic("features", as_vector), "features/"),
    "command": (on_topic("commands", as_name), "commands/"),
    "changelog": (on_topic("groundswell-identity-states-changelog", as_vector), "groundswell-identity-states"),
    "header": (on_topic("media", lambda gone: b"{}", headers=lambda gone: NAME.encode()), "media/"),
    "release": (on_topic("releases", as_name), "releases/"),
    "file": (in_file("media/notes.txt", as_name), "media/notes.txt"),
    "numbers": (in_file("releases/faces.bin", lambda gone: b"\1" + gone.vector.data + b"\2"), "releases/faces.bin"),
    "file name": (in_file(f"media/{NAME}.jpg", lambda gone: b"picture"), f"media/{NAME}.jpg"),
    "table": (in_table, "state/identity/old.db: track/x"),
    "crop": (crop, "media store: "),
}


@pytest.mark.broker
@pytest.mark.slow
def test_one_copy_left_in_any_kind_of_place_is_found(gone: Gone) -> None:
    with ExitStack() as stack:
        for plant, _ in PLACES.values():
            plant(gone, stack)
        found = prove(gone.gallery.settings, gone.gallery.bootstrap, gone.traces, limit_s=0).findings
    for place, (_, where) in PLACES.items():
        assert any(finding.where.startswith(where) for finding in found), place


@pytest.mark.broker
@pytest.mark.slow
def test_a_media_store_elsewhere_is_looked_through_too(gone: Gone, tmp_path: Path) -> None:
    elsewhere = gone.gallery.settings.model_copy(update={"media": str(tmp_path / "store")})
    open_media(elsewhere).put("videos/url/x/left.bin", b"\0\0" + face("url:ada", "url:ada", 0, 0).data)
    found = prove(elsewhere, gone.gallery.bootstrap, gone.traces, limit_s=0).findings
    assert "videos/url/x/left.bin" in [finding.where for finding in found]
