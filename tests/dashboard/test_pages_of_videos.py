"""The pages a marketer uses, as HTML: submitting, the library, comparing, one video."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from desks import a_client, a_desk
from examples import CUT, EXTRACTED, FETCHED, LINK, METADATA, OUTCOME, PROGRESSED, SCORED, SUMMARISED, TRACKED, VIDEO_ID
from msgspec.structs import replace
from scored import film, segments_of
from starlette.testclient import TestClient

from schemas.event import Event, derive_id
from schemas.features import Label

BROWSER = {"Accept": "text/html"}
PART = {**BROWSER, "HX-Request": "true"}
OTHER_ID = "youtube:aaaaaaaaaaa"
HOSTILE = "<img src=x onerror=alert(1)>"
QUOTED = "\"' onmouseover=alert(1) x='"
TURNED = "\u202eevil\u2066 \u200b\u200d"
LONG = "W" * 10_000
TITLES = {"markup": HOSTILE, "quotes": QUOTED, "turned round": TURNED, "very long": LONG, "a closing tag": "</title></h1><script>alert(1)</script>"}  # fmt: skip

STORY = (LINK, FETCHED, CUT, EXTRACTED, TRACKED, SUMMARISED, SCORED, OUTCOME)
UNSEEN = ("hidden", "checkbox")
VOID = {"meta", "link", "img", "input", "br", "hr", "track", "source", "base", "col"}


def _named(title: str, video_id: str = VIDEO_ID) -> list[Event]:
    """The story of a video whose every word a stranger chose."""
    said = replace(METADATA, title=title, channel=title, channel_id="c", description=title, hashtags=(title,))
    seen = (Label(name=title, score=0.9, start_s=12.1, end_s=13.0),)
    events: list[Event] = [
        replace(LINK, title=title),
        replace(FETCHED, metadata=said, warnings=(title,)),
        replace(CUT, text=title),
        replace(EXTRACTED, modality="visual", labels=seen, transcript=None),
        replace(SUMMARISED, metadata=said, labels=seen),
        replace(SCORED, suggestions=(title,), caveats=(title,)),
    ]
    return [
        replace(event, video_id=video_id, event_id=derive_id("t", "1", video_id + event.event_id)) for event in events
    ]


def _client(folder: Path, events: tuple[Event, ...] | list[Event] = STORY, role: str = "admin") -> TestClient:
    client = a_client(a_desk(folder, events), role)
    client.headers.update(BROWSER)
    return client


class Tags(HTMLParser):
    """All elements of a page, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def attributes(self) -> Iterator[tuple[str, str]]:
        """Names and values of all attributes."""
        return ((name, value or "") for _, attributes in self.found for name, value in attributes.items())


PATHS = ("/", "/videos", f"/videos/{VIDEO_ID}", f"/compare?a={VIDEO_ID}", f"/compare?a={VIDEO_ID}&b={OTHER_ID}")


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_a_hostile_title_is_only_text_wherever_it_stands(tmp_path: Path, title: str) -> None:
    client = _client(tmp_path, [*_named(title), *_named(title, OTHER_ID)])
    for path in PATHS:
        page = Tags(client.get(path).raise_for_status().text)
        assert not page.wrong, f"{path}: every element is closed where it was opened"
        assert all(name != "style" and not name.startswith("on") for name, _ in page.attributes())
        assert all(not value.strip().lower().startswith("javascript:") for _, value in page.attributes())
        assert all(a.get("src") for tag, a in page.found if tag == "script")
        assert "x" not in [a.get("src") for tag, a in page.found if tag == "img"]


def test_turning_characters_are_nowhere_in_a_page(tmp_path: Path) -> None:
    client = _client(tmp_path, _named(TURNED))
    for path in PATHS[:3]:
        text = client.get(path).text
        assert "evil" in text
        assert not set(text) & set("\u202e\u2066\u200b")


def test_ten_thousand_characters_do_not_make_a_page_heavy(tmp_path: Path) -> None:
    client = _client(tmp_path, _named(LONG))
    assert len(client.get("/videos").text) < 40_000
    assert LONG[:200] in client.get(f"/videos/{VIDEO_ID}").text


def test_ids_are_used_once_and_every_field_has_a_label(tmp_path: Path) -> None:
    client = _client(tmp_path, [*_named("One"), *_named("Two", OTHER_ID)])
    for path in PATHS:
        page = Tags(client.get(path).text)
        ids = [value for name, value in page.attributes() if name == "id"]
        assert sorted(ids) == sorted(set(ids))
        labelled = {a["for"] for tag, a in page.found if tag == "label" and "for" in a}
        fields = [a for tag, a in page.found if tag in ("input", "select", "textarea") and a.get("type") not in UNSEEN]
        assert all(a.get("id") in labelled or a.get("aria-label") for a in fields), path
        assert all("alt" in a for tag, a in page.found if tag == "img")


def test_a_video_shows_what_is_predicted_how_sure_and_why(tmp_path: Path) -> None:
    text = _client(tmp_path).get(f"/videos/{VIDEO_ID}").text
    assert "4.10" in text
    assert "2.90 to 5.30" in text
    assert "constant 3.60" in text
    assert "better than guessing" in text
    assert "91% of the truths lay inside" in text
    assert "3 points off on average" in text
    assert "the channel has 25,300 subscribers" in text
    assert "Say in the title what happens." in text
    assert "no speech (1 of 5)" in text
    assert "starter-1" in text
    assert 'data-jump="12.012"' in text


def test_a_release_that_is_no_better_than_guessing_is_shown_as_such(tmp_path: Path) -> None:
    story = (LINK, FETCHED, SUMMARISED, replace(SCORED, beats_constant=False))
    text = _client(tmp_path, story).get(f"/videos/{VIDEO_ID}").text
    assert "no better than guessing" in text
    assert "for every video would be as good" in text


def test_a_video_without_its_file_shows_its_keyframes(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, STORY)
    desk.store.put(CUT.frames_ref or "", b"pictures")
    text = a_client(desk).get(f"/videos/{VIDEO_ID}?t=13.5", headers=BROWSER).text
    assert "<video" not in text
    assert f"/v1/videos/{VIDEO_ID}/frames/13500.jpg" in text


def test_a_video_whose_files_are_all_gone_asks_for_none_of_them(tmp_path: Path) -> None:
    text = _client(tmp_path).get(f"/videos/{VIDEO_ID}").text
    assert "There are no pictures." in text
    assert "/frames/" not in text
    assert "and there she goes" in text


def test_a_video_with_its_file_has_a_player_with_captions(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, STORY)
    desk.store.put(FETCHED.media_ref or "", b"film")
    client = a_client(desk)
    page = client.get(f"/videos/{VIDEO_ID}", headers=BROWSER).text
    assert f'src="/v1/media/{FETCHED.media_ref}"' in page
    captions = client.get(f"/videos/{VIDEO_ID}/words.vtt")
    assert captions.headers["content-type"].startswith("text/vtt")
    assert captions.text.startswith("WEBVTT\n\n00:00:12.012 --> 00:00:18.585\nand there she goes")


def test_captions_cannot_bring_markup_into_the_player(tmp_path: Path) -> None:
    text = _client(tmp_path, _named("<b>a --> b</b>")).get(f"/videos/{VIDEO_ID}/words.vtt").text
    assert "<b>" not in text
    assert text.count("-->") == 1


def test_a_part_of_a_video_that_was_asked_for_again_comes_without_the_frame(tmp_path: Path) -> None:
    text = _client(tmp_path).get(f"/videos/{VIDEO_ID}", headers=PART).text
    assert "<html" not in text
    assert text.count('hx-swap-oob="true"') == 2
    assert 'id="player"' not in text, "a film that plays goes on playing"


@pytest.mark.parametrize(
    ("query", "ticked"),
    [("", []), ("?target=%3Cb%3E&target=unheard_of&target=", []), ("?target=virality&target=no", ["virality"]),
     ("?target=virality&target=engagement", ["engagement", "virality"])],
)  # fmt: skip
def test_targets_are_ticked_by_the_address_and_unknown_ones_are_ignored(
    tmp_path: Path, query: str, ticked: list[str]
) -> None:
    page = Tags(_client(tmp_path).get(f"/{query}").raise_for_status().text)
    boxes = [a for tag, a in page.found if a.get("name") == "targets"]
    assert len(boxes) > len(ticked)
    assert sorted(str(box["value"]) for box in boxes if "checked" in box) == ticked


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("editor", False), ("admin", True)])
def test_only_an_admin_is_offered_to_erase(tmp_path: Path, role: str, may: bool) -> None:
    text = _client(tmp_path, role=role).get(f"/videos/{VIDEO_ID}").text
    assert ('data-open="erase"' in text) is may


def test_a_viewer_is_told_who_may_submit(tmp_path: Path) -> None:
    text = _client(tmp_path, role="viewer").get("/").text
    assert 'id="links"' not in text
    assert "needs the role editor" in text


def test_a_video_that_nobody_knows_is_a_page_that_leads_on(tmp_path: Path) -> None:
    answer = _client(tmp_path).get("/videos/youtube:unknown")
    assert answer.status_code == 404
    assert 'data-video="youtube:unknown"' in answer.text, "its page opens by itself once something is known"
    assert 'href="/videos"' in answer.text


@pytest.mark.parametrize(
    ("path", "words"),
    [("/", "Nothing was submitted yet"), ("/videos", "The library is empty"), ("/compare", "Choose a video")],
)
def test_an_empty_page_says_what_to_do_first(tmp_path: Path, path: str, words: str) -> None:
    text = _client(tmp_path, ()).get(path).text
    assert words in text


def test_a_search_without_a_match_is_no_dead_end(tmp_path: Path) -> None:
    text = _client(tmp_path).get("/videos?text=nothinglikethis").text
    assert "No video fits" in text
    assert "Show everything" in text


def test_the_library_is_filtered_by_its_address(tmp_path: Path) -> None:
    client = _client(tmp_path, [*_named("Rocket"), *_named("Whale", OTHER_ID)])
    text = client.get("/videos?text=whale").text
    assert f'data-video="{OTHER_ID}"' in text
    assert f'data-video="{VIDEO_ID}"' not in text
    assert 'value="whale"' in text


def test_the_library_is_sorted_by_its_address_and_a_second_time_the_other_way_round(tmp_path: Path) -> None:
    client = _client(tmp_path, [*_named("Rocket"), *_named("Whale", OTHER_ID)])
    text = client.get("/videos?sort=title").text
    assert text.index(f'data-video="{VIDEO_ID}"') < text.index(f'data-video="{OTHER_ID}"')
    assert 'aria-sort="ascending"' in text
    assert "/videos?sort=title&amp;order=down" in text


def test_columns_are_chosen_by_the_address_and_kept_in_its_links(tmp_path: Path) -> None:
    text = _client(tmp_path).get("/videos?columns=duration,people").text
    assert 'data-name="People"' in text
    assert 'data-name="State"' not in text
    assert "columns=duration%2Cpeople" in text


def test_a_list_that_was_asked_for_again_comes_without_the_frame(tmp_path: Path) -> None:
    text = _client(tmp_path).get("/videos", headers=PART).text
    assert text.lstrip().startswith("<section")


def test_a_long_library_comes_a_hundred_rows_at_a_time(tmp_path: Path) -> None:
    ids = [f"youtube:{i:011}" for i in range(130)]
    links = [replace(LINK, video_id=i, event_id=derive_id("t", "1", i), submission_id=i) for i in ids]
    client = _client(tmp_path, links)
    first = client.get("/videos").text
    assert first.count("<tr data-video=") == 100
    assert "100 of 130 videos" in first
    href = next(a["href"] for tag, a in Tags(first).found if tag == "a" and a.get("rel") == "next")
    assert client.get(str(href)).text.count("<tr data-video=") == 30


@pytest.mark.parametrize(
    "query", ["state=nonsense", "sort=nonsense", "sort=value", "columns=nonsense", "order=nonsense"]
)
def test_an_address_with_unknown_values_still_shows_the_library(tmp_path: Path, query: str) -> None:
    assert f'data-video="{VIDEO_ID}"' in _client(tmp_path).get(f"/videos?{query}").text


def test_a_day_that_is_none_is_said_in_words(tmp_path: Path) -> None:
    answer = _client(tmp_path).get("/videos?since=yesterday")
    assert answer.status_code == 422
    assert "Expected a day as 2026-05-31" in answer.text


def test_a_day_until_which_is_asked_is_whole(tmp_path: Path) -> None:
    client = _client(tmp_path)
    assert f'data-video="{VIDEO_ID}"' in client.get("/videos?since=2025-11-22&until=2025-11-22").text
    assert f'data-video="{VIDEO_ID}"' not in client.get("/videos?until=2025-11-21").text


def test_two_videos_lie_on_one_scale_with_their_reasons_in_pairs(tmp_path: Path) -> None:
    text = _client(tmp_path, [*_named("Rocket"), *_named("Whale", OTHER_ID)]).get(PATHS[4]).text
    assert text.count('class="chart interval"') == 2
    assert text.count("the channel has 25,300 subscribers") == 1
    assert "The intervals overlap" in text


def test_what_was_just_submitted_can_be_followed_by_its_id(tmp_path: Path) -> None:
    text = _client(tmp_path).get(f"/submitted?video_id={VIDEO_ID}&video_id=youtube:unknown").text
    assert text.count("<li") == 1
    assert "English subtitles are automatic" in text


def test_all_failed_videos_of_a_list_can_be_fetched_again_at_once(tmp_path: Path) -> None:
    failed = replace(PROGRESSED, state="failed", message="Private video", warnings=())
    client = _client(tmp_path, (LINK, failed))
    text = client.get("/videos?state=failed").text
    assert "Private video" in text
    href = next(str(a["data-post"]) for tag, a in Tags(text).found if tag == "button" and "data-post" in a)
    assert client.post(href, json={}).json()["retried"] == 1
    assert "Retry all" not in _client(tmp_path / "other", (LINK, failed), "viewer").get("/videos?state=failed").text


def test_classes_are_shown_with_their_moments_and_exports_have_only_the_video(tmp_path: Path) -> None:
    said = replace(film(0), video_id=VIDEO_ID, revision=FETCHED.revision)
    client = _client(tmp_path, (*STORY, said, *segments_of(said)))
    text = client.get(f"/videos/{VIDEO_ID}").text
    assert "0:00 to 0:08" in text, "two segments that follow each other are one moment"
    lines = client.get("/v1/predictions.jsonl").text.splitlines()
    assert len(lines) == 2
    assert len(client.get(f"/v1/videos/{VIDEO_ID}").json()["segment_predictions"]) == 2
