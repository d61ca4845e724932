"""What a release says of the models behind its examples, and what it says of videos that others made."""

import fitted
import pytest
from msgspec.structs import replace

from models.pooling import pool_one
from models.taught_on import UNSAID, in_words, made_by, most_taught_on, strange, taught_on
from processors.predict import predict

TAUGHT = {"segments/text": {"2": 30}, "video/text": {"1": 5, "2": 40}}


def test_examples_are_counted_by_version_for_what_the_release_reads() -> None:
    told = fitted.summary(1, made_by={"segments/text": ("1", "2"), "video/text": ("2",)})
    silent = fitted.summary(2, pooled={"video/text": pool_one([0.5]), "segments/visual": pool_one([0.5])})
    found = taught_on(map(made_by, [told, silent]), ["video/text", "segments/text", "metadata/title_words"])
    assert found == {"segments/text": {"1": 1, "2": 1}, "video/text": {UNSAID: 1, "2": 1}}
    assert in_words(found)[0] == "segments/text by 1 (1 example) and by 2 (1 example)"


@pytest.mark.parametrize(
    ("counts", "most"), [({"1": 3, "2": 9}, "2"), ({UNSAID: 9, "1": 1}, "1"), ({UNSAID: 9}, None), ({}, None)]
)
def test_the_version_of_most_examples_is_the_one_to_stand(counts: dict[str, int], most: str | None) -> None:
    assert most_taught_on(counts) == most


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ({"segments/text": ("2",), "video/text": ("1",)}, []),
        ({"segments/text": ("1",), "video/text": ("2",)}, ["segments/text"]),
        ({"segments/text": ("1", "2"), "video/text": ("3",)}, ["segments/text", "video/text"]),
        ({"segments/visual": ("9",)}, []),
        ({}, []),
    ],
)
def test_only_versions_that_no_example_was_made_by_are_strange(made: dict[str, tuple[str, ...]], named: list) -> None:
    said = strange(fitted.summary(1, made_by=made).made_by, TAUGHT)
    assert [words.partition(" ")[0] for words in said] == named


def test_nothing_is_strange_where_some_examples_do_not_tell() -> None:
    summary = fitted.summary(1, made_by={"video/text": ("3",)})
    assert strange(summary.made_by, {"video/text": {UNSAID: 1, "2": 40}}) == ()


def test_a_prediction_says_that_its_release_was_taught_on_other_features() -> None:
    release = fitted.release(taught_on=TAUGHT)
    summary = fitted.summary(1, made_by={"segments/text": ("2",), "video/text": ("2",)})
    other = replace(summary, made_by={"segments/text": ("3",), "video/text": ("2",)})
    fits, misread = predict([summary, other], release)
    assert misread.caveats == (
        *fits.caveats,
        "segments/text was made by 3, but the release was taught on 2: it may misread it",
    )
    assert misread.value == fits.value
