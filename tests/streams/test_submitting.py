"""Links, files and lists become submissions; one bad line does not spoil the rest."""

from pathlib import Path

import pytest

from schemas.errors import UsageError
from schemas.links import LinkSubmitted
from streams.settings import Settings
from streams.storage.media import media_store
from streams.submitting import BadEntry, Entry, Wishes, entries, submission


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def submitted(source: str, place: Settings, wishes: Wishes = Wishes()) -> LinkSubmitted | BadEntry:  # noqa: B008
    store = media_store(place.media_location, cache=place.home)
    return submission(Entry(source=source, where="here"), wishes, store, place)


def test_a_link_is_cleaned_and_keeps_the_wishes(place: Settings) -> None:
    event = submitted("https://youtu.be/dQw4w9WgXcQ?si=x", place, Wishes(targets=("virality",), again=True))
    assert isinstance(event, LinkSubmitted)
    assert (event.video_id, event.targets, event.again) == ("youtube:dQw4w9WgXcQ", ("virality",), True)


def test_a_file_is_uploaded_with_the_subtitles_beside_it(place: Settings, tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"video")
    (tmp_path / "talk.en.vtt").write_text("WEBVTT")
    (tmp_path / "talk.srt").write_text("1")
    (tmp_path / "talking.srt").write_text("of another video")
    event = submitted(str(tmp_path / "talk.mp4"), place)
    assert isinstance(event, LinkSubmitted)
    assert event.upload_ref is not None
    store = media_store(place.media_location, cache=place.home)
    assert store.get(event.upload_ref) == b"video"
    assert [(s.language, store.get(s.ref)) for s in event.subtitles] == [("en", b"WEBVTT"), ("und", b"1")]


def test_the_same_file_under_two_names_is_the_same_video(place: Settings, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"video")
    one, two = (submitted(str(tmp_path / name), place) for name in ("a.mp4", "b.mp4"))
    assert isinstance(one, LinkSubmitted)
    assert isinstance(two, LinkSubmitted)
    assert one.video_id == two.video_id
    assert one.submission_id != two.submission_id


@pytest.mark.parametrize("source", ["nowhere.mp4", "ftp://example.org/a.mp4", "file:///etc/passwd", "", "https://"])
def test_what_cannot_be_submitted_says_why(source: str, place: Settings) -> None:
    answer = submitted(source, place)
    assert isinstance(answer, BadEntry)
    assert answer.reason


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.mp4").write_bytes(b"x" * 100)
    small = Settings(home=tmp_path / "home", fetch_max_bytes=10)
    answer = submitted(str(tmp_path / "big.mp4"), small)
    assert isinstance(answer, BadEntry)
    assert "at most 10" in answer.reason


def test_a_text_list_names_lines_and_passes_over_comments(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# mine\nhttps://vimeo.com/1\n\ntalk.mp4\n")
    listed = list(entries([str(tmp_path / "list.txt")]))
    assert [(e.where, e.source) for e in listed] == [
        ("list.txt:2", "https://vimeo.com/1"),
        ("list.txt:4", str(tmp_path / "talk.mp4")),
    ]


def test_a_csv_list_gives_titles_too(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('URL,Title,other\nhttps://vimeo.com/1,"One, two",x\n')
    (entry,) = entries([str(tmp_path / "list.csv")])
    assert (entry.source, entry.title, entry.where) == ("https://vimeo.com/1", "One, two", "list.csv:2")


def test_a_csv_without_links_says_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name\nx\n")
    with pytest.raises(UsageError, match="no column of links"):
        list(entries([str(tmp_path / "list.csv")]))
