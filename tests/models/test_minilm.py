"""The graph we build is the published network, to the last printed digit, and nothing else builds."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_bert
from networks import text_encoder

from models import backend
from models.minilm_graph import BertConfig, build, convert, read_config
from models.text import TextEncoder
from schemas.errors import WeightsMissing

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/minilm.json").read_text())
TOLERANCE = 1e-5
"""Golden values are rounded to 6 digits; the tanh form of GELU, the likeliest mistake, is off by 1e-3."""


@pytest.fixture(scope="module")
def encoder(cache: Path) -> TextEncoder:
    return text_encoder(cache)


@pytest.mark.parametrize("known", GOLDEN["texts"], ids=lambda known: known["text"][:20])
def test_a_vector_is_the_one_that_sentence_transformers_gives(encoder: TextEncoder, known: dict) -> None:
    (vector,) = encoder.encode([known["text"]])
    np.testing.assert_allclose(vector[:8], known["first_8"], atol=TOLERANCE)
    assert np.linalg.norm(vector) == pytest.approx(known["norm"], abs=TOLERANCE)
    assert [len(window.ids) for window in encoder.windows([known["text"]])] == [known["tokens"]]


def test_all_cosines_are_those_of_sentence_transformers(encoder: TextEncoder) -> None:
    vectors = encoder.encode([known["text"] for known in GOLDEN["texts"]])
    np.testing.assert_allclose(vectors @ vectors.T, GOLDEN["cosines"], atol=TOLERANCE)


def test_real_subtitles_give_the_recorded_vectors(encoder: TextEncoder, data_folder: Path) -> None:
    record = data_folder.parent / "golden.json"
    if not record.is_file():
        pytest.skip(f"no recorded values: {record} is not there")
    for known in json.loads(record.read_text())["inputs"]["subtitles/nasa_13013.stream2.srt"]["minilm"]:
        (window,) = encoder.windows([known["text"]])
        assert list(window.ids[:5]) == known["token_ids_first5"]
        assert len(window.ids) == known["n_tokens"]
        (vector,) = encoder.encode([known["text"]])
        np.testing.assert_allclose(vector[:5], known["embedding_first5"], atol=known["tol_abs_f32"])


@pytest.fixture(scope="module")
def tiny_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    for name, content in tiny_bert.files().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def tiny(tiny_sources: Path, tmp_path_factory: pytest.TempPathFactory) -> backend.Network:
    target = tmp_path_factory.mktemp("converted")
    convert(tiny_sources, target)
    assert {path.name for path in target.iterdir()} == {"minilm.xml", "minilm.bin", "tokenizer.json"}
    return backend.load(target / "minilm.xml")


def test_padding_does_not_change_the_meaning(tiny: backend.Network) -> None:
    ids = np.array([[3, 1, 4, 1, 5]])
    padded = np.array([[3, 1, 4, 1, 5, 0, 0, 0]])
    mask = np.array([[1, 1, 1, 1, 1, 0, 0, 0]])
    (alone,) = tiny.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    (with_padding,) = tiny.infer({"input_ids": padded, "attention_mask": mask})
    np.testing.assert_allclose(alone, with_padding, atol=1e-6)
    (unmasked,) = tiny.infer({"input_ids": padded, "attention_mask": np.ones_like(mask)})
    assert abs(unmasked - alone).max() > 1e-2


def test_the_order_of_words_matters(tiny: backend.Network) -> None:
    ids, mask = np.array([[3, 1, 4], [4, 1, 3]]), np.ones((2, 3), np.int64)
    (vectors,) = tiny.infer({"input_ids": ids, "attention_mask": mask})
    assert abs(vectors[0] - vectors[1]).max() > 1e-2


@pytest.mark.parametrize("name", tiny_bert.SHAPES)
def test_every_array_is_needed_in_its_shape(tiny_sources: Path, name: str) -> None:
    config, weights = read_config(tiny_sources / "config.json"), tiny_bert.weights()
    with pytest.raises(WeightsMissing, match=name):
        build(weights | {name: weights[name][..., 1:]}, config)
    del weights[name]
    with pytest.raises(WeightsMissing, match=f"no array {name}"):
        build(weights, config)


@pytest.mark.parametrize(
    "change", [{"hidden_act": "gelu_new"}, {"position_embedding_type": "relative_key"}, {"hidden_size": "8"}]
)
def test_a_network_of_another_kind_is_refused(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(tiny_bert.CONFIG | change))
    with pytest.raises(WeightsMissing, match="does not describe a BERT we can build"):
        read_config(path)


def test_the_published_configuration_may_hold_more_than_we_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(tiny_bert.CONFIG | {"use_cache": True}))
    assert read_config(path) == BertConfig(**tiny_bert.CONFIG)
