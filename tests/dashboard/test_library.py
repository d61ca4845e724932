"""The library: what it answers after some events, whichever store it lies in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import CUT, EXTRACTED, FETCHED, LABEL, LINK, OUTCOME, PROGRESSED, SCORED, SUMMARISED, TRACKED, VIDEO_ID
from libraries import Tape

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from dashboard.rows import VideoQuery
from streams.settings import Settings

STORY = (LINK, PROGRESSED, FETCHED, CUT, EXTRACTED, TRACKED, SUMMARISED, SCORED, OUTCOME, LABEL)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StoredLibrary]:
    opened = open_library(Settings(home=tmp_path))
    yield opened
    opened.close()


def test_a_video_is_listed_with_what_is_known_of_it(library: StoredLibrary) -> None:
    library.take(Tape().write(*STORY))
    page = library.videos(VideoQuery())
    assert page.total == 1
    assert [row.title for row in page.items] == ["Rolling out the Moon rocket"]
    assert page.items[0].predictions[0].value == SCORED.value


def test_the_page_of_a_video_has_no_vectors(library: StoredLibrary) -> None:
    library.take(Tape().write(*STORY))
    detail = library.video(VIDEO_ID)
    assert detail is not None
    assert detail.segments == (CUT,)
    assert [answer.vector for answer in detail.answers] == [None]
    assert detail.summary is not None
    assert detail.summary.pooled == {}
