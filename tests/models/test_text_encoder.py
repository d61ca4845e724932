"""A text has one vector, whatever it is batched with and however long it is."""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import text_encoder

from models.inference import Inference
from models.text import (
    BATCH_TOKENS,
    DIM,
    MAX_WINDOWS,
    WINDOW_TOKENS,
    TextEncoder,
    Window,
    batches,
    cut_evenly,
)
from schemas.errors import WeightsMissing

WORDS = [
    "the",
    "a",
    "moon",
    "rocket",
    "slowly",
    "rolls",
    "towards",
    "pad",
    "while",
    "we",
    "wait",
    "for",
    "rain",
    "and",
    "coffee",
    "nobody",
    "says",
    "anything",
    "39",
    "é",
]


@pytest.fixture(scope="module")
def encoder(cache: Path) -> TextEncoder:
    return text_encoder(cache)


def _texts(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    lengths = [min(int(chance.expovariate(1 / 14)) + 1, 400) for _ in range(count)]
    return [" ".join(chance.choices(WORDS, k=length)) for length in lengths]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [*_texts(40, seed=1), " ".join(WORDS * 30), "one", "", "one"]


@pytest.fixture(scope="module")
def alone(encoder: TextEncoder, texts: list[str]) -> list[bytes]:
    """Each text's vector when it is encoded by itself."""
    return [encoder.encode([text]).tobytes() for text in texts]


@pytest.mark.parametrize("seed", range(4))
def test_the_batch_changes_no_bit_of_a_vector(
    encoder: TextEncoder, texts: list[str], alone: list[bytes], seed: int
) -> None:
    chance = random.Random(seed)
    order = chance.sample(range(len(texts)), len(texts))
    edges = sorted({0, len(order), *chance.choices(range(len(order)), k=seed * 3)})
    for start, end in pairwise(edges):
        rows = encoder.encode([texts[i] for i in order[start:end]])
        assert [row.tobytes() for row in rows] == [alone[i] for i in order[start:end]]


@pytest.mark.parametrize("count", [2, 3, 5, 7, 13, 21])
def test_many_texts_of_one_length_do_not_touch_each_other(encoder: TextEncoder, count: int) -> None:
    for length in (3, 11, 27, 60):
        texts = [" ".join(random.Random(seed).choices(WORDS[:10], k=length)) for seed in range(count)]
        rows = encoder.encode(texts)
        assert [row.tobytes() for row in rows] == [encoder.encode([text]).tobytes() for text in texts]


def test_another_load_and_more_threads_give_the_same_bits(cache: Path, texts: list[str], alone: list[bytes]) -> None:
    rows = text_encoder(cache, inference=Inference(2)).encode(texts[:20])
    assert [row.tobytes() for row in rows] == alone[:20]


def test_vectors_have_length_one(encoder: TextEncoder, texts: list[str]) -> None:
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), DIM)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_text_is_fine(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, DIM)


def test_alike_meanings_lie_nearer_than_alike_words(encoder: TextEncoder) -> None:
    asked, meant, worded = encoder.encode(
        ["How do I repair a flat bicycle tyre?", "Fixing a puncture on your bike", "How do I bake a flat bread?"]
    )
    assert asked @ meant > asked @ worded


def test_the_end_of_a_long_text_counts(encoder: TextEncoder) -> None:
    long = " ".join(WORDS * 40)
    one, other = encoder.encode([f"{long} and a volcano erupts", f"{long} and the stock market falls"])
    assert len(encoder.windows([long])) > 2
    assert abs(one - other).max() > 1e-3


def test_a_long_text_is_the_mean_of_its_windows_weighted_by_tokens(encoder: TextEncoder) -> None:
    text = " ".join(WORDS * 31)
    windows = encoder.windows([text])
    mean = sum((len(w.ids) - 2) * encoder.embed([w])[0].astype(float) for w in windows)
    (vector,) = encoder.encode([text])
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-6)


def test_a_text_without_end_costs_a_bounded_number_of_windows(encoder: TextEncoder) -> None:
    windows = encoder.windows(["coffee " * 20_000])
    assert len(windows) == MAX_WINDOWS
    assert all(len(window.ids) <= WINDOW_TOKENS + 2 for window in windows)


@given(st.integers(0, MAX_WINDOWS * WINDOW_TOKENS))
def test_windows_hold_every_token_once_in_order_and_are_even(n_tokens: int) -> None:
    pieces = cut_evenly(range(n_tokens))
    assert [token for piece in pieces for token in piece] == list(range(n_tokens))
    lengths = [len(piece) for piece in pieces]
    assert max(lengths) <= WINDOW_TOKENS
    assert max(lengths) - min(lengths) <= 1


@given(st.integers(MAX_WINDOWS * WINDOW_TOKENS + 1, 200_000))
def test_windows_of_an_endless_text_reach_from_its_first_to_its_last_token(n_tokens: int) -> None:
    pieces = cut_evenly(range(n_tokens))
    assert len(pieces) == MAX_WINDOWS
    assert (pieces[0][0], pieces[-1][-1]) == (0, n_tokens - 1)
    assert all(len(piece) == WINDOW_TOKENS for piece in pieces)


@given(st.lists(st.integers(2, WINDOW_TOKENS + 2), max_size=150))
def test_batches_hold_every_window_once_and_have_one_shape(lengths: list[int]) -> None:
    windows = [Window(index, (7,) * length) for index, length in enumerate(lengths)]
    made = batches(windows)
    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))
    for batch in made:
        shapes = {windows[index].padded_tokens for index in batch}
        assert len(shapes) == 1
        assert shapes.pop() * len(batch) <= BATCH_TOKENS


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_folder_without_a_tokenizer_says_how_to_fetch_it(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(WeightsMissing, match="groundswell weights fetch"):
        TextEncoder.load(tmp_path)
