"""Which features have to stand for a release: those it was taught on, where others stand and they lie beside."""

import pytest

from streams.release_features import Past, Step, steps, strangers

TAUGHT = {"segments/text": {"2": 9}, "video/text": {"1": 1, "2": 9}, "segments/visual": {"lite": 9}}
OLD = {"segments/text": ("1",), "video/text": ("1",)}
NEW = {"segments/text": ("2",), "video/text": ("2",)}
BESIDE = frozenset({("a", "text", "1"), ("a", "text", "2"), ("b", "text", "2"), ("c", "text", "2"), ("d", "text", "3")})


@pytest.mark.parametrize(
    ("standing", "videos"),
    [
        ({"a": OLD, "b": NEW}, ("a",)),
        ({"a": {"segments/text": ("1", "2")}, "b": {"video/text": ("2",)}}, ("a",)),
        ({"c": {}, "a": NEW}, ("c",)),
        ({"d": OLD, "unseen": OLD}, ()),
    ],
)
def test_what_lies_beside_has_to_stand_where_another_version_does(standing: dict, videos: tuple) -> None:
    wanted = (Step(stage="text", version="2", videos=videos),) if videos else ()
    assert steps(TAUGHT, Past(standing, BESIDE)) == wanted


def test_a_release_of_which_nobody_knows_what_it_was_taught_on_asks_for_nothing() -> None:
    assert steps({}, Past({"a": OLD}, BESIDE)) == ()
    assert steps({"video/text": {"": 9}}, Past({"a": OLD}, BESIDE)) == ()


def test_videos_that_stay_behind_are_counted_by_what_is_said_of_them() -> None:
    past = Past({"a": OLD, "b": NEW, "d": OLD, "e": {"segments/visual": ("dino",)}}, BESIDE)
    found = strangers(TAUGHT, past, steps(TAUGHT, past))
    assert {words.partition(",")[0]: count for words, count in found.items()} == {
        "segments/text was made by 1": 1,
        "segments/visual was made by dino": 1,
    }
