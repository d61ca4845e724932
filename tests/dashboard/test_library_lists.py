"""Lists of videos: every sort, filter, search and cursor, over each store."""

from itertools import pairwise

import msgspec
import pytest
from examples import EXAMPLES, OUTCOME, SUMMARISED
from libraries import STORY, Tape, fetched, ids, scored, who
from people_examples import ADA

from dashboard.library_answers import StoredLibrary
from dashboard.rows import VideoQuery, VideoRow, VideoSort
from schemas.erased import VideoErased
from schemas.errors import UsageError
from schemas.features import Label
from schemas.identities import IdentityRecorded


@pytest.mark.parametrize(
    ("sort", "first"),
    [("changed", 23), ("submitted", 23), ("uploaded", 0), ("title", 19), ("channel", 23), ("duration", 17)],
)
def test_every_sort_goes_through_all_videos_page_by_page(library: StoredLibrary, sort: VideoSort, first: int) -> None:
    library.take(Tape().write(*(fetched(n, title=f"Video {n % 10}") for n in range(24))))
    for descending in (True, False):
        seen, cursor = list[str](), ""
        while True:
            page = library.videos(VideoQuery(sort=sort, descending=descending, limit=5, cursor=cursor))
            seen += [row.video_id for row in page.items]
            assert page.total == 24
            cursor = page.next_cursor
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == 24
        if descending:
            down = seen
    assert seen == down[::-1]
    assert down[0] == f"url:v{first:03d}"


def test_values_of_a_target_are_sorted_and_paged(library: StoredLibrary) -> None:
    library.take(Tape().write(*(scored(n, float(n % 4)) for n in range(12)), fetched(50)))
    first = library.videos(VideoQuery(sort="value", target="virality", limit=5))
    then = library.videos(VideoQuery(sort="value", target="virality", limit=200, cursor=first.next_cursor))
    rows = [*first.items, *then.items]
    assert first.total == 12
    assert [row.predictions[0].value for row in rows] == [3.0] * 3 + [2.0] * 3 + [1.0] * 3 + [0.0] * 3
    assert all(a.video_id > b.video_id for a, b in pairwise(rows) if a.predictions[0].value == b.predictions[0].value)


def test_a_list_that_changes_between_two_pages_repeats_and_loses_nothing_that_stayed(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(*(scored(n, float(n)) for n in range(10))))
    page = library.videos(VideoQuery(sort="value", target="virality", limit=4))
    library.take(tape.write(scored(6, 99.0), scored(2, -1.0)))  # the last one of the page, and one to come
    rest = ids(library, sort="value", target="virality", limit=10, cursor=page.next_cursor)
    assert rest == ["url:v005", "url:v004", "url:v003", "url:v001", "url:v000", "url:v002"]


def test_filters_and_search_hold_together(library: StoredLibrary) -> None:
    videos = [fetched(n, channel=f"Channel {n % 3}", title=f"Straße nach Éclair {n}") for n in range(9)]
    summaries = [
        msgspec.structs.replace(
            SUMMARISED, video_id=f"url:v{n:03d}", labels=(Label(name="boat", score=0.9),), people=()
        )
        for n in (1, 4, 5)
    ]
    library.take(Tape().write(*videos, *summaries, scored(4, 1.0), who("video", ADA, video_id="url:v004")))
    assert ids(library, channel="Channel 1", descending=False, sort="title") == ["url:v001", "url:v004", "url:v007"]
    assert sorted(ids(library, label="boat")) == ["url:v001", "url:v004", "url:v005"]
    assert ids(library, label="boat", channel="Channel 1", target="virality", person=ADA) == ["url:v004"]
    assert ids(library, text="ecl strasse 7") == ["url:v007"]
    assert ids(library, text="ECLAIR v004") == ["url:v004"]
    assert ids(library, text="clair") == []
    assert ids(library, text="?!") == []
    assert library.videos(VideoQuery(text="strasse", label="boat", limit=1)).total == 3
    assert library.videos(VideoQuery(label="boat", channel="Channel 9")).total == 0


def test_a_span_of_time_holds_by_when_videos_were_first_heard_of(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(*(fetched(n) for n in range(6))))
    library.take(tape.write(fetched(0)))
    at_s = [library.rows([f"url:v{n:03d}"])[0].submitted_at_s for n in range(6)]
    page = library.videos(VideoQuery(since_s=at_s[1], until_s=at_s[3], sort="submitted", descending=False))
    assert [row.video_id for row in page.items] == ["url:v001", "url:v002", "url:v003"]
    assert page.total == 3
    assert library.videos(VideoQuery(since_s=at_s[4], state="running")).total == 2


@pytest.mark.parametrize("text", ['"', "a*", "' OR 1=1", "NEAR(a b)", "col:x", "\0", "💥", "x" * 5000, "a AND NOT b"])
def test_strange_searches_find_nothing_and_break_nothing(library: StoredLibrary, text: str) -> None:
    library.take(Tape().write(*STORY))
    assert library.videos(VideoQuery(text=text)).items == ()


@pytest.mark.parametrize("cursor", ["x", "!!!", "W10", "e30", "a" * 3000, "WyJ0aXRsZSIsMS4wLCJhIl0", "é"])
def test_a_cursor_of_somebody_else_is_refused(library: StoredLibrary, cursor: str) -> None:
    with pytest.raises(UsageError, match="cursor"):
        library.videos(VideoQuery(cursor=cursor))


def test_what_a_list_of_people_says_of_their_videos_follows_every_outcome(library: StoredLibrary) -> None:
    tape = Tape()
    ada = EXAMPLES[IdentityRecorded]
    later = msgspec.structs.replace(OUTCOME, age_h=(OUTCOME.age_h or 0) + 24, observed_at_s=2e9, views=99)

    def views() -> float | None:
        return library.people().items[0].views

    library.take(tape.write(*STORY, ada, who("video", ADA)))
    assert views() == OUTCOME.views
    library.take(tape.write(later, msgspec.structs.replace(OUTCOME, views=7)))
    assert views() == 99
    library.take(tape.take_back(later))
    assert views() == 7
    library.take(tape.write(EXAMPLES[VideoErased], ada))
    assert views() is None


def test_predictions_of_a_list_come_in_its_order_and_only_of_its_videos(
    library: StoredLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.library_answers._CHUNK", 2)
    made = [fetched(n, channel="Odd" if n % 2 else "Even") for n in range(9)]
    values = [scored(n, float(n * 7 % 9), target=target) for n in range(9) for target in ("virality", "engagement")]
    library.take(Tape().write(*made, *values))
    for query in (
        VideoQuery(channel="Odd", target="virality", sort="value"),
        VideoQuery(text="video", label="", sort="duration", descending=False),
        VideoQuery(state="failed", sort="title"),
        VideoQuery(sort="title"),
    ):
        listed = library.videos(query).items
        expected = [
            (row.video_id, p.target) for row in listed for p in row.predictions if query.target in ("", p.target)
        ]
        assert [(p.video_id, p.target) for p in library.predictions(query)] == expected


def test_a_filtered_list_moves_with_its_videos_and_loses_those_that_fit_no_more(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(*(fetched(n, channel="Odd" if n % 2 else "Even") for n in range(6))))
    library.take(tape.write(fetched(1, channel="Odd", title="Anew")))
    library.take(tape.write(fetched(3, channel="Even")))
    page = library.videos(VideoQuery(channel="Odd", limit=1))
    assert [row.video_id for row in page.items] == ["url:v001"]
    library.take(tape.write(fetched(1, channel="Even")))  # the place of the cursor is no more in the list
    assert ids(library, channel="Odd", cursor=page.next_cursor) == ["url:v005"]
    assert ids(library, channel="Even") == ["url:v001", "url:v003", "url:v004", "url:v002", "url:v000"]
    assert library.videos(VideoQuery(channel="Odd")).total == 1


@pytest.mark.parametrize(
    ("tiny", "walk", "narrow"), [(0, 10**6, 30), (0, 1, 30), (0, 1, 1), (10**6, 1, 30), (10**6, 1, 10**6)]
)
def test_whichever_way_leads_to_a_page_it_is_the_same(
    library: StoredLibrary, monkeypatch: pytest.MonkeyPatch, tiny: int, walk: int, narrow: int
) -> None:
    for name, value in (("TINY", tiny), ("WALK", walk), ("NARROW", narrow), ("NARROW_OF_TEXTS", narrow)):
        monkeypatch.setattr(f"dashboard.library_redis_lists.{name}", value)
    words = ("red", "redder", "tall", "boat")
    videos = [
        fetched(n, title=" ".join(words[i] for i in range(4) if n * 7919 % 97 >> i & 1), channel=f"C{n % 3}")
        for n in range(60)
    ]
    tape = Tape()
    library.take(tape.write(*videos, *(scored(n, float(n * 31 % 17)) for n in range(60) if n % 4)))
    library.take(tape.write(*(videos[n * 23 % 60] for n in range(40))))  # so that they changed in another order
    rows = {row.video_id: row for row in library.rows([video.video_id for video in videos])}
    for asked in (
        {"channel": "C1"}, {"channel": "C1", "target": "virality"}, {"text": "re boat"}, {"text": "tall", "channel": "C2"},
        {"target": "virality", "channel": "C0", "text": "red", "sort": "value"}, {"state": "running", "sort": "title"},
        {"text": "boat", "since_s": rows["url:v030"].submitted_at_s, "sort": "duration", "descending": False},
        {"channel": "C2", "until_s": rows["url:v030"].submitted_at_s, "descending": False},
        {"channel": "C0", "target": "virality", "text": "tall", "until_s": rows["url:v040"].submitted_at_s, "sort": "title"},
        {"since_s": rows["url:v030"].submitted_at_s, "until_s": rows["url:v040"].submitted_at_s},
        {"since_s": rows["url:v030"].submitted_at_s, "until_s": rows["url:v040"].submitted_at_s, "sort": "submitted"},
        {"since_s": rows["url:v030"].submitted_at_s, "channel": "C1", "sort": "submitted", "descending": False},
    ):  # fmt: skip
        order = VideoQuery(sort=asked.get("sort", "changed"), descending=asked.get("descending", True), limit=200)
        if order.sort == "value":
            order = msgspec.structs.replace(order, target="virality")
        in_order = [row.video_id for row in library.videos(order).items]
        expected = [video_id for video_id in in_order if _fits(rows[video_id], VideoQuery(**asked))]
        found, cursor = list[str](), ""
        while True:
            page = library.videos(VideoQuery(**asked, limit=4, cursor=cursor))
            assert page.total == len(expected), asked
            found += [row.video_id for row in page.items]
            cursor = page.next_cursor
            if not cursor:
                break
        assert found == expected, asked


def _fits(row: VideoRow, query: VideoQuery) -> bool:
    said = row.title.split()
    return (
        all(any(word.startswith(beginning) for word in said) for beginning in query.text.split())
        and query.channel in ("", row.channel)
        and query.state in (None, row.state)
        and (not query.target or any(p.target == query.target for p in row.predictions))
        and (query.since_s is None or row.submitted_at_s >= query.since_s)
        and (query.until_s is None or row.submitted_at_s <= query.until_s)
    )
