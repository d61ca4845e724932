"""``groundswell people``: finding, changing and tabulating the people of a gallery."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gallery_workers import Gallery
from people import face, video
from workers import wait_until

from schemas.commands import (
    CommandAnswered,
    CommandUndone,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
    Photo,
)
from schemas.errors import UsageError
from schemas.features import FeatureExtracted, Label
from schemas.identities import IdentityRecorded
from schemas.media import MediaFetched, Metadata
from schemas.outcomes import OutcomeObserved
from streams.kafka.broker import EmbeddedBroker
from streams.people import ask, find, new_id, undoable_among
from streams.people_table import Known, as_csv, rows_of

ADA = IdentityRecorded(
    event_id="a", identity_id="person:3fa94c0d51b2e786", name="Ada", tracks=3, videos=2, screen_s=9.0
)
EVE = IdentityRecorded(
    event_id="b", identity_id="person:3fa977c1e05a9d3f", name="=Eve()", tracks=1, videos=1, screen_s=2.0
)
NOBODY = IdentityRecorded(event_id="c", identity_id="person:aaaa77c1e05a9d3f", tracks=1)
PUBLISHED = {"url:a": 100.0, "url:b": 200.0, "url:c": 300.0}


@pytest.mark.parametrize("text", ["Ada", "ada", "person:3fa94c0d51b2e786", "person:3fa94", "3fa94"])
def test_somebody_is_found_by_name_or_by_the_beginning_of_their_id(text: str) -> None:
    assert find([ADA, EVE, NOBODY], text) == ADA


@pytest.mark.parametrize("text", ["3fa9", "Bob", "", "aaa"])
def test_nobody_and_more_than_one_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="people list"):
        find([ADA, EVE, NOBODY], text)


def test_the_last_command_that_took_effect_is_the_one_to_undo() -> None:
    def done(command_id: str, state: str = "done") -> CommandAnswered:
        return CommandAnswered(event_id=f"x{command_id}", command_id=command_id, state=state)  # type: ignore[arg-type]

    name = [IdentityNamed(event_id=str(n), given_at_s=n, identity_id=ADA.identity_id, name="A") for n in range(3)]
    forget = IdentityForgotten(event_id="f", given_at_s=4.0, identity_id=ADA.identity_id)
    undo = CommandUndone(event_id="u", given_at_s=5.0, command_id="1")
    events = [*name, forget, done("0"), done("1"), done("2", "refused"), done("f")]
    assert undoable_among(events).event_id == "1"
    assert undoable_among([*events, undo]).event_id == "1"
    assert undoable_among([*events, undo, done("u")]).event_id == "0"
    with pytest.raises(UsageError, match="taken back"):
        undoable_among([forget, done("f")])


def known(*outcomes: OutcomeObserved) -> Known:
    media = {
        video_id: MediaFetched(
            event_id=video_id, video_id=video_id, sha256="0" * 64, revision="0" * 16, duration_s=1.0, submission_id="s",
            metadata=Metadata(channel="@tests", uploaded_at_s=at_s),
        )
        for video_id, at_s in PUBLISHED.items()
    }  # fmt: skip
    shares = {"url:a": {ADA: 0.5}, "url:b": {ADA: 0.25, EVE: 0.75}, "url:c": {EVE: 1.0, ADA: 0.5}}
    answers = [
        FeatureExtracted(
            event_id=video_id, video_id=video_id, revision="0" * 16, scope="video", modality="identity", model="m",
            model_version="1", labels=tuple(Label(name=p.identity_id, score=s) for p, s in cast.items()),
        )
        for video_id, cast in shares.items()
    ]  # fmt: skip
    by_video: dict[str, list[OutcomeObserved]] = {}
    for outcome in outcomes:
        by_video.setdefault(outcome.video_id, []).append(outcome)
    return Known(people=[ADA, EVE], answers=answers, media=media, outcomes=by_video)


def outcome(video_id: str, at_s: float, views: int) -> OutcomeObserved:
    return OutcomeObserved(event_id="o", video_id=video_id, observed_at_s=at_s, age_h=int(at_s), views=views, likes=views // 10)  # fmt: skip


OUTCOMES = (
    outcome("url:a", 150, 99),
    outcome("url:a", 250, 999),
    outcome("url:b", 290, 99),
    outcome("url:c", 400, 10**7),
)


def test_the_table_has_people_and_channels_with_share_and_outcome() -> None:
    ada, eve, channel = rows_of(known(*OUTCOMES))
    assert (ada.videos, ada.share, ada.observed) == (3, pytest.approx(1.25 / 3, abs=1e-5), 3)
    assert (channel.kind, channel.id, channel.videos) == ("channel", "@tests", 3)
    assert eve.engagement == pytest.approx(0.1, abs=0.01)


def test_for_a_video_the_table_knows_only_what_was_observed_before_it_was_published() -> None:
    ada, _, channel = rows_of(known(*OUTCOMES), for_video="url:b")
    assert (ada.videos, ada.observed, ada.views) == (2, 1, pytest.approx(99))
    assert channel.views == pytest.approx(99)
    with pytest.raises(UsageError, match="never fetched"):
        rows_of(known(), for_video="url:none")


def test_csv_is_safe_to_open_in_a_spreadsheet() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(rows_of(known(*OUTCOMES))))))
    assert [row["name"] for row in rows] == ["Ada", "'=Eve()", "'@tests"]
    assert rows[2]["tracks"] == ""


# -- on a real system ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gallery(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    home = tmp_path_factory.mktemp("people")
    with EmbeddedBroker(home, cache) as broker, Gallery(broker, cache, home) as running:
        running.start()
        running.send([*video("url:one", ["anna", "bert"], ["anna"]), *video("url:two", ["anna"], ["carl"])])
        wait_until(lambda: len(running.answered(2)) == 2, limit_s=60, what="two videos", tell=running.told)
        yield running


def people_of(gallery: Gallery) -> dict[str, dict[str, object]]:
    return {person["identity_id"]: person for person in json.loads(gallery.run("people", "list", "--json").stdout)}


@pytest.mark.broker
@pytest.mark.slow
def test_people_are_named_merged_parted_and_corrected_from_the_command_line(gallery: Gallery) -> None:
    first = people_of(gallery)
    anna = next(name for name, person in first.items() if person["tracks"] == 3)
    other = next(name for name in first if name != anna)
    gallery.run("people", "name", anna.removeprefix("person:")[:8], "Anna Zed")
    assert people_of(gallery)[anna]["name"] == "Anna Zed"
    carl = next(name for name, person in first.items() if person["tracks"] == 1 and _seen_in(gallery, name, "url:two"))
    gallery.run("people", "merge", "Anna Zed", carl)
    assert (people_of(gallery)[anna]["tracks"], carl in people_of(gallery)) == (4, False)
    gallery.run("people", "undo")
    assert people_of(gallery)[anna]["tracks"] == 3
    shown = json.loads(gallery.run("people", "show", "anna zed", "--json").stdout)
    track = next(t["track"] for t in shown["tracks"] if t["track"].startswith("url:two"))
    gallery.run("people", "not", "Anna Zed", track)
    assert people_of(gallery)[anna]["tracks"] == 2
    gallery.run("people", "undo")
    assert people_of(gallery)[anna]["tracks"] == 3
    together = gallery.run("people", "merge", anna, next(n for n in first if n not in (anna, carl)), check=False)
    assert (together.returncode, "one frame" in together.stderr, "Traceback" in together.stderr) == (1, True, False)
    assert "Anna Zed" in gallery.run("people", "list").stdout
    assert "Anna Zed" in gallery.run("people", "--table", "--csv").stdout
    assert other


@pytest.mark.broker
@pytest.mark.slow
def test_photos_enrol_whoever_they_show(gallery: Gallery) -> None:
    photo = Photo(sha256="0" * 64, quality=0.9, vector=face("bert", "photo"))
    asked = IdentityEnrolled(event_id=new_id(), given_at_s=1.0, name="Bert", photos=(photo,))
    answer = ask(gallery.settings, gallery.bootstrap, asked)
    assert people_of(gallery)[str(answer.identity_id)]["name"] == "Bert"
    assert _seen_in(gallery, str(answer.identity_id), "url:one")


def _seen_in(gallery: Gallery, identity_id: str, video_id: str) -> bool:
    shown = json.loads(gallery.run("people", "show", identity_id, "--json").stdout)
    return any(track["track"].startswith(f"{video_id}/") for track in shown["tracks"])
