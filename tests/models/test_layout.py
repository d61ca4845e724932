import fitted
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import Block, Layout, topic_of, vectorise
from models.layout_choice import layout_for
from models.metadata_features import metadata_numbers
from models.pooling import mean, pool_one
from schemas.errors import ReleaseInvalid
from schemas.media import Metadata

SUMMARIES = [fitted.summary(number) for number in range(30)]
LAYOUT = layout_for(SUMMARIES)


def columns(layout: Layout, name: str) -> np.ndarray:
    return layout.owners == [block.name for block in layout.blocks].index(name)


def test_a_vector_block_holds_the_mean_of_what_was_pooled():
    table = vectorise(SUMMARIES, LAYOUT)
    row = table.values[4, columns(LAYOUT, "segments/text")]
    assert np.array_equal(row, mean(SUMMARIES[4].pooled["segments/text"]))


def test_a_layout_chosen_from_the_same_rows_is_the_same_in_any_order():
    assert layout_for(SUMMARIES[::-1]) == LAYOUT


def test_counts_that_are_known_only_after_publication_are_not_in_the_layout():
    names = {block.name for block in LAYOUT.blocks}
    assert not {name for name in names if "views" in name or "likes" in name or "outcome" in name}


@given(st.lists(st.integers(0, 29), min_size=1, max_size=8))
def test_a_row_does_not_depend_on_the_others(numbers):
    together = vectorise([SUMMARIES[n] for n in numbers], LAYOUT)
    for place, number in enumerate(numbers):
        alone = vectorise([SUMMARIES[number]], LAYOUT)
        assert together.values[place].tobytes() == alone.values[0].tobytes()
        assert together.present[place].tobytes() == alone.present[0].tobytes()


def test_what_a_summary_lacks_is_missing_and_not_zero():
    bare = fitted.summary(1, pooled={}, numbers={}, metadata=Metadata())
    table = vectorise([bare], LAYOUT)
    assert not table.present.any()


def test_another_category_is_a_no_and_an_unknown_one_is_missing():
    layout = Layout((Block("category/Music"),))
    categories = ["Music", "Comedy", ""]
    rows = [fitted.summary(1, metadata=Metadata(category=category)) for category in categories]
    table = vectorise(rows, layout)
    assert table.values[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert table.present[:, 0].tolist() == [True, True, False]


def test_a_vector_of_another_model_is_refused():
    other = msgspec.structs.replace(SUMMARIES[0], pooled={"video/text": pool_one(np.ones(3))})
    with pytest.raises(ReleaseInvalid, match="another model"):
        vectorise([other], LAYOUT)


def test_a_block_of_a_later_version_is_refused():
    with pytest.raises(ReleaseInvalid, match="does not know"):
        topic_of(Block("smell/rose"))


@pytest.mark.parametrize(
    ("title", "name", "value"),
    [
        ("WHY you?", "title_questions", 1),
        ("WHY you?", "title_shouted_words", 1),
        ("WHY you?", "title_you", 1),
        ("I'm 12 and 3", "title_digits", 3),
        ("I'm 12 and 3", "title_i", 1),
        ("so 😀 so 🚀!", "title_emoji", 2),
        ("so 😀 so 🚀!", "title_exclamations", 1),
        ("abCD", "title_capitals", 0.5),
        ("日本語", "title_words", 1),
    ],
)
def test_a_title_is_counted(title, name, value):
    assert metadata_numbers(Metadata(title=title), None)[name] == value


def test_metadata_that_says_nothing_has_no_numbers():
    assert metadata_numbers(Metadata(), None) == {}


@given(st.text(max_size=200), st.text(max_size=200), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_any_metadata_gives_finite_numbers(title, description, uploaded_at_s, duration_s):
    metadata = Metadata(title=title, description=description, uploaded_at_s=uploaded_at_s)
    assert all(np.isfinite(value) for value in metadata_numbers(metadata, min(duration_s, 1e300)).values())
